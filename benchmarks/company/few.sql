-- The tables that do not grow with the leads, one statement each.

-- teams
select 'T' || t as team_id, 'Team ' || (t + 1) as team_name, ['West', 'North', 'South', 'East'][1 + t % 4] as region
from range({teams}) as numbers(t);

-- reps: one in twenty has changed teams, so stands there twice; the last row counts
select
    rep_id(r) as rep_id,
    'Rep ' || (r + 1) as rep_name,
    case when version = 1 and u(r, 70) < 0.05 then 'T' || ((r + 1) % {teams}) else 'T' || (r % {teams}) end as team_id,
    on_day(joined(r)::bigint) as hired_on,
    r % 20 <> 7 as is_active,
    case when r % 3 = 0 then 30 + r % 5 * 5 end as lead_capacity
from range({reps}) as numbers(r), range(2) as versions(version)
where version = 1 or u(r, 70) < 0.05
order by version, r;

-- accounts
select
    'A' || a as account_id,
    'Company ' || a as account_name,
    case when u(a, 71) < 0.9 then industry_of(a) end as industry,
    ['NL', 'NL', 'NL', 'BE', 'DE', 'GB', 'US', 'CH'][1 + (8 * u(a, 72))::bigint % 8] as country
from range({accounts}) as numbers(a);

-- products
select 'P' || (p + 1) as product_id, 'Product ' || (p + 1) as product_name, ['Atlas', 'Care', 'Academy'][1 + p % 3] as product_family
from range(12) as numbers(p);

-- targets: of every rep a month, of every third team a quarter, of the next one a year
select
    period_type,
    period_start,
    round(amount * (0.8 + 0.4 * u(epoch(period_start)::bigint // 86400 * 4096 + member, 73)), 0)::decimal(18, 2) as target_amount,
    'EUR' as currency,
    case when period_type = 'month' then rep_id(member) end as rep_id,
    case when period_type <> 'month' then 'T' || member end as team_id
from (
    select 'month' as period_type, {target} as amount, m::date as period_start, r as member
    from range(date_trunc('month', stamp({start})), stamp({until}), interval 1 month) as months(m), range({reps}) as numbers(r)
    union all
    select 'quarter', 3::bigint * {target} * {reps} / {teams}, q::date, t
    from range(date_trunc('quarter', stamp({start})), stamp({until}), interval 3 month) as quarters(q), range(0, {teams}, 3) as numbers(t)
    union all
    select 'year', 12::bigint * {target} * {reps} / {teams}, y::date, t
    from range(date_trunc('year', stamp({start})), stamp({until}), interval 12 month) as years(y), range(1, {teams}, 3) as numbers(t)
);

-- exchange_rates: every month
select currency, valid_from::date as valid_from, round(level * (1 + 0.04 * sin(epoch(valid_from) / 9e6 + level)), 8)::decimal(18, 8) as rate
from range(date_trunc('month', stamp({start})) - interval 2 month, stamp({until}) + interval 2 month, interval 1 month) as months(valid_from),
    (values ('USD', 0.92), ('GBP', 1.16), ('CHF', 1.04)) as levels(currency, level)
