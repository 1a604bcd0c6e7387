"""The ten chains. Adding one is adding a file here and its id to the list."""

from functools import cache
from importlib import resources

from chain.profile import ChainProfile, parse_profile

CHAIN_IDS = (
    "wenchang",
    "taian",
    "wuhan",
    "zhongyi",
    "zunyi",
    "anshun",
    "yanan",
    "qingdao",
    "nanjing",
    "chengdu",
)


@cache
def load_profiles() -> dict[str, ChainProfile]:
    """The packaged profiles by chain id, in the order of the list."""
    folder = resources.files(__name__)
    texts = {chain_id: (folder / f"{chain_id}.toml").read_text("utf-8") for chain_id in CHAIN_IDS}
    return {chain_id: parse_profile(text) for chain_id, text in texts.items()}
