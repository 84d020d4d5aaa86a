"""The demo: a Django project and app in one, a project board on RxGraph."""
