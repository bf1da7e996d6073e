"""What is read of a Pipedrive company.

Belongs here: the objects with the fields that a number needs, what a call costs. Does not belong here: asking
for them (`pipedrive.py`, `pipedrive_pages.py`).

Pipedrive answers with whole records; of the titles, names, phone numbers and notes in them nothing is kept.
"""

from __future__ import annotations

import re

from orchestration.ingest.crm.objects import Object, declare

_PARTS = ("part_source", "part_campaign", "part_industry", "part_status")
"""What the settings say stands in a field of the company's own: the value, or the id of its option."""

OBJECTS: tuple[Object, ...] = (
    declare(
        "users",
        "id!",
        "name",
        "active_flag boolean",
        "is_deleted boolean",
        "created instant",
        of_employees=True,
    ),
    declare("teams", "id!", "name", "active_flag boolean", of_employees=True),
    declare("team_users", "team_id!", "user_id!", of_employees=True),
    declare("currencies", "id!", "code"),
    declare(
        "goals",
        "id!",
        "type_name",
        "assignee_id",
        "assignee_type",
        "goal_interval",
        "duration_start calendar_date",
        "duration_end calendar_date",
        "target amount",
        "tracking_metric",
        "currency_id",
        "is_active boolean",
        of_employees=True,
    ),
    declare("pipelines", "id!", "name", "is_deleted boolean", "is_deal_probability_enabled boolean"),
    declare(
        "stages",
        "id!",
        "name",
        "order_nr integer",
        "deal_probability number",
        "pipeline_id",
        "is_deleted boolean",
    ),
    declare("field_options", "part!", "id!", "label"),
    declare("products", "id!", "name", "category", "update_time instant", "is_deleted boolean"),
    declare(
        "organizations",
        "id!",
        "name",
        "industry",
        "country",
        "update_time instant",
        "is_deleted boolean",
        clears={"name": ("id", "account")},
    ),
    declare(
        "persons",
        "id!",
        "org_id",
        "email email",
        "update_time instant",
        "is_deleted boolean",
        goes_with={"id": "contact"},
        same_person={"id": "contact"},
        account="org_id",
    ),
    declare(
        "leads",
        "id!",
        "owner_id",
        "person_id",
        "organization_id",
        "is_archived boolean",
        "add_time instant",
        "update_time instant",
        *_PARTS,
        goes_with={"id": "lead", "person_id": "contact"},
        same_person={"id": "lead", "person_id": "contact"},
        account="organization_id",
    ),
    declare(
        "deals",
        "id!",
        "owner_id",
        "person_id",
        "org_id",
        "pipeline_id",
        "stage_id",
        "value amount",
        "currency",
        "status",
        "probability number",
        "lost_reason",
        "add_time instant",
        "update_time instant",
        "won_time instant",
        "lost_time instant",
        "close_time instant",
        "expected_close_date calendar_date",
        "is_deleted boolean",
        "is_archived boolean",
        "source_lead_id",
        "source_lead_add_time instant",  # said by the lead's id
        *_PARTS,
        loses={"source_lead_id": "lead", "person_id": "contact"},
        same_person={"source_lead_id": "lead", "person_id": "contact"},
        clears={"lost_reason": (("id", "opportunity"), ("person_id", "contact"))},
        account="org_id",
        deal="id",
    ),
    declare(
        "activities",
        "id!",
        "type",
        "owner_id",
        "deal_id",
        "lead_id",
        "person_id",
        "done boolean",
        "due_date calendar_date",
        "due_at instant",  # due_date with due_time, where there is one
        "marked_as_done_time instant",
        "add_time instant",
        "update_time instant",
        "is_deleted boolean",
        goes_with={"lead_id": "lead", "person_id": "contact"},
        kept_by=("deal_id", "lead_id"),
    ),
    declare(
        "deal_products",
        "id!",
        "deal_id",
        "product_id",
        "quantity number",
        "sum amount",
        "is_enabled boolean",
    ),
    declare(
        "deal_changes",
        "entry!",
        "deal_id",
        "number integer",  # the first change of the deal is 0
        "time instant",
        "field_key",
        "old_value",
        "new_value",
    ),
    declare("deals_followed", "what!", "deal_id!", "update_time"),
)
"""In the order in which they are asked for: what follows a deal comes after the deals.

`deals_followed` is no object of Pipedrive's:
up to which `update_time` a deal's products and changes were read, so that they are asked for once each time
the deal has moved.
"""

BY_NAME = {one.name: one for one in OBJECTS}

CHANGES_READ = ("stage_id", "status", "value", "currency", "probability", "expected_close_date", "owner_id")
"""Of a deal's changelog; v1 says `user_id` for the owner."""

_COSTS = (
    (r"/v1/deals/[^/]+/changelog$", 20),
    (r"/v1/(leads|leads/archived|users|goals/find|legacyTeams|currencies)$", 20),
    (r"/v1/users/me$", 2),
    (r"/v2/(stages|pipelines)$", 5),
    (r"/v2/", 10),
)


def cost(path: str) -> int:
    """Tokens of the company's daily budget that a call takes; 20 where nobody has said."""
    return next((tokens for pattern, tokens in _COSTS if re.search(pattern, path)), 20)
