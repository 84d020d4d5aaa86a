"""Models, serializers, data and errands of both sides."""
