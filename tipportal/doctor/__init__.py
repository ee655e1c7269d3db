"""`manage.py doctor`: examine a role's process, its machine and its servers from outside, and say in sentences what is wrong."""
