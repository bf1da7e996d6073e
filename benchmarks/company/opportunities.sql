-- One row per opportunity. {numbers}: o, lead_s (when its lead came in, or would have).
with lived as (
    select *, lead_of(o) as n, has_lead(o) as with_lead, born(o, lead_s) as born_s, (born(o, lead_s) + cycle_days(o) * 86400)::bigint as close_s
    from ({numbers})
),

closed as (
    select *, close_s <= {now} as is_closed, (({now} - born_s) / (close_s - born_s)) as passed
    from lived
)

select
    'O' || o as opportunity_id,
    stamp(born_s) as created_at,
    case
        when is_closed and is_winner(o) then 'Closed Won'
        when is_closed then 'Closed Lost'
        when passed < 0.2 then 'Qualification' when passed < 0.45 then 'Discovery'
        when passed < 0.7 then case when u(o, 26) < 0.01 then 'Legal check' else 'Proposal' end
        else 'Negotiation'
    end as stage,
    case when with_lead then 'L' || n end as lead_id,
    case when u(n, 16) < 0.7 then account_id(n) end as account_id,
    case when u(o, 27) < 0.06 then owner_id(o + 5, lead_s) else owner_id(n, lead_s) end as owner_id,
    case when not with_lead then 'existing customer' when u(o, 28) < 0.1 then 'partner' end as source,
    case when u(o, 29) > 0.01 then round(2000 * 40 ** u(o, 32) * case when passed > 0.45 or is_closed then 0.85 + 0.3 * u(o, 33) else 1 end, 2)::decimal(18, 2)
    end as amount,
    currency_of(o) as currency,
    case when not is_closed and u(o, 34) < 0.3 then round(u(o, 35), 2) end as probability,
    on_day((close_s + 864000 * (u(o, 36) - 0.5))::bigint) as expected_close_on,
    case when is_closed and u(o, 37) > 0.002 then on_day(close_s) end as closed_on,
    case when is_closed and u(o, 38) > 0.05 then is_winner(o) end as is_won,
    case when is_closed and not is_winner(o)
        then ['price', 'timing', 'competitor', 'no budget', 'no answer'][1 + (5 * u(o, 39))::bigint % 5] end as lost_reason,
    case when u(o, 40) < 0.8 then product_of(o) end as product_id,
    u(o, 41) < 0.005 as is_deleted,
    stamp(case when is_closed then close_s else born_s + ((({now} - born_s) * 0.9))::bigint end) as updated_at
from closed
