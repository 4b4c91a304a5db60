"""How many examples hypothesis draws: few in `make quick`, the same in every `make test`, others in `make soak`."""

from hypothesis import settings

SHARES = {"quick": 0.02, "test": 1, "soak": 50}

settings.register_profile("test", derandomize=True, deadline=None)
settings.register_profile("quick", settings.get_profile("test"), max_examples=5)
settings.register_profile("soak", deadline=None, max_examples=5000, print_blob=True)
settings.load_profile("test")


def examples(usual):
    """A property's own number of examples; `@examples(300)` stands above `@given`."""
    share = SHARES.get(settings.get_current_profile_name(), 1)
    return settings(max_examples=max(5, round(share * usual)))
