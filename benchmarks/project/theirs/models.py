"""None: but RxDjango makes its indexes when Django has migrated an app that has such a module."""
