"""Errors that a user can put right."""


class UserError(Exception):
    """What the user can put right; its message is all that is shown."""
