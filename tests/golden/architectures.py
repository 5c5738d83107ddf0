"""All tiny encoders, in groups that are stored together."""

from tests.golden import bert_kin, later_encoders
from tests.golden.tiny import Group

GROUPS: dict[str, Group] = {"bert": bert_kin.GROUP} | later_encoders.GROUPS
VARIANTS = [(group, name) for group in GROUPS for name in GROUPS[group].variants]
"""Each variant by its group and name."""
