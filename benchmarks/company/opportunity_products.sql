-- One row per opportunity and product: six of ten opportunities have lines, up to three. {numbers}: o.
with lines as (
    select o, unnest(range(case when u(o, 44) < 0.4 then 0 when u(o, 44) < 0.75 then 1 when u(o, 44) < 0.92 then 2 else 3 end)) as line
    from ({numbers})
)

select
    'O' || o as opportunity_id,
    'P' || (1 + ((12 * u(o, 45) ** 1.5)::bigint + line * 5) % 12) as product_id,
    (1 + (20 * u(o, 46 + line) ** 3)::bigint)::double as quantity,
    case when u(o, 49) > 0.02 then round(500 * 30 ** u(o, 50 + line), 2)::decimal(18, 2) end as amount
from lines
