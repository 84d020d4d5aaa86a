"""What ``manage.py makefrontend`` does: GraphQL files from the channels, TypeScript from those."""
