-- One row per lead. {numbers}: n, instant (of creation).
with dealt as (
    select n, instant, (n // 4)::bigint as o, has_lead(n // 4) and lead_of(n // 4) = n as is_converted
    from ({numbers})
),

lived as (
    select *, born(o, instant) as converted_s, days_later(instant, 2 + 100 * u(n, 11)) as dropped_s,
        not is_converted and u(n, 12) < 0.55 as is_dropped
    from dealt
)

select
    'L' || n as lead_id,
    stamp(instant) as created_at,
    owner_id(n, instant) as owner_id,
    source_of(n) as source,
    case when u(n, 13) < 0.6
        then source_of(n) || ' ' || year(stamp(instant)) || case when u(n, 14) < 0.5 then ' spring' else ' autumn' end
    end as campaign,
    case when u(n, 15) < 0.6 then industry_of(n) end as industry,
    case when u(n, 16) < 0.7 then account_id(n) end as account_id,
    case
        when is_converted then 'converted'
        when is_dropped then case when u(n, 17) < 0.1 then 'Unqualified' else 'disqualified' end
        when u(n, 17) < 0.15 then null
        when u(n, 17) < 0.4 then 'new'
        when u(n, 17) < 0.8 then 'working'
        when u(n, 17) < 0.997 then 'qualified'
        else 'parked'
    end as status,
    case when is_converted then stamp(converted_s) end as converted_at,
    case when is_dropped and u(n, 18) < 0.97 then stamp(dropped_s) end as disqualified_at,
    case when not is_converted and not is_dropped and u(n, 18) < 0.002 then stamp(dropped_s) end as became_customer_at,
    case when is_converted then 'C' || n end as contact_id,
    case when u(n, 19) < 0.01 and n > 100 then 'L' || (n - 1 - (u(n, 30) * 50)::bigint) end as duplicate_of,
    u(n, 31) < 0.005 as is_deleted,
    stamp(case when is_converted then converted_s when is_dropped then dropped_s else instant + 600 end) as updated_at
from lived
