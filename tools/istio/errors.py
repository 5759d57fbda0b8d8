"""What can go wrong while a bundle is made."""


class CannotMake(Exception):
    """Istio cannot be had like this; the message is one line and says what to do."""
