-- One row per change of an opportunity: it goes through the stages, some are lost and opened again. {numbers}: o, lead_s.
with lived as (
    select *, lead_of(o) as n, born(o, lead_s) as born_s, (born(o, lead_s) + cycle_days(o) * 86400)::bigint as close_s
    from ({numbers})
),

steps as (
    select *, unnest([0, 1, 2, 3, 4]) as step
    from lived
),

timed as (
    select *, (born_s + (close_s - born_s) * [0, 0.2, 0.45, 0.7, 1][step + 1])::bigint as changed_s
    from steps
)

select
    'O' || o as opportunity_id,
    stamp(changed_s) as changed_at,
    case
        when step = 4 then case when is_winner(o) then 'Closed Won' else 'Closed Lost' end
        when step = 1 and u(o, 42) < 0.01 then 'Closed Lost'
        when step = 2 and u(o, 26) < 0.01 then 'Legal check'
        else ['Qualification', 'Discovery', 'Proposal', 'Negotiation'][step + 1]
    end as stage,
    case when u(o, 29) > 0.01 then round(2000 * 40 ** u(o, 32) * case when step >= 2 then 0.85 + 0.3 * u(o, 33) else 1 end, 2)::decimal(18, 2)
    end as amount,
    currency_of(o) as currency,
    case when step = 3 and u(o, 34) < 0.3 then round(u(o, 35), 2) end as probability,
    on_day((close_s + 864000 * (u(o, 36) - 0.5) * case when step >= 2 then 1 else 2 end)::bigint) as expected_close_on,
    case
        when step = 0 and u(o, 43) < 0.05 then rep_id(rep_of(n + 3, lead_s))
        when u(o, 27) < 0.06 then owner_id(o + 5, lead_s)
        else owner_id(n, lead_s)
    end as owner_id
from timed
where changed_s <= {now}
