-- One row per activity. Ten leads share a hundred of them, from none to 29 a lead. {numbers}: j, n (the lead), k (its how manieth), lead_s.
with placed as (
    select *, (n // 4)::bigint as o, has_lead(n // 4) and lead_of(n // 4) = n as is_converted, u(j, 60) as kind, u(j, 61) as link,
        days_later(lead_s, 0.02 + 2 * u(n, 62) ** 3 + k * (0.7 + 2.6 * u(n, 63)) * (0.8 + 0.2 * u(j, 64))) as occurred_s
    from ({numbers})
)

select
    'V' || j as activity_id,
    case
        when kind < 0.34 then 'call' when kind < 0.38 then 'Phone Call'
        when kind < 0.66 then 'email' when kind < 0.70 then 'E-mail'
        when kind < 0.79 then 'meeting' when kind < 0.85 then 'message'
        when kind < 0.93 then 'task' when kind < 0.9995 then 'note' else 'fax'
    end as activity_type,
    stamp(occurred_s) as occurred_at,
    case when u(j, 65) < 0.92 then owner_id(n, lead_s) else owner_id(j, lead_s) end as owner_id,
    case when link < 0.72 or not is_converted and link < 0.98 then 'L' || n end as lead_id,
    case when is_converted and link between 0.5 and 0.9 then 'O' || o end as opportunity_id,
    case when is_converted and link > 0.85 then 'C' || n end as contact_id,
    case when u(j, 66) < 0.72 then 'outbound' when u(j, 66) < 0.95 then 'inbound' end as direction,
    u(j, 67) < 0.05 as is_automated,
    u(j, 68) < 0.96 as is_completed,
    u(j, 69) < 0.004 as is_deleted,
    stamp(occurred_s + 60) as updated_at
from placed
