-- Periods, members and breakdown values by number: a key of a kpi table is one integer, and its texts are looked up once, at the end.
create temp table period_numbers as
select *, max(period_no) over (partition by period_type) as last_no from int_periods;

create temp table day_numbers as
select dates.date_day, weeks.period_no as week_no, months.period_no as month_no, quarters.period_no as quarter_no, years.period_no as year_no
from dim_dates as dates
inner join period_numbers as weeks on weeks.period_type = 'week' and dates.week_start = weeks.period_start
inner join period_numbers as months on months.period_type = 'month' and dates.month_start = months.period_start
inner join period_numbers as quarters on quarters.period_type = 'quarter' and dates.quarter_start = quarters.period_start
inner join period_numbers as years on years.period_type = 'year' and dates.year_start = years.period_start;

create temp table month_quarters as select distinct month_no, quarter_no from day_numbers;
create temp table quarter_years as select distinct quarter_no, year_no from day_numbers;

-- the company is 0, then come teams, then reps, each in the order of their numbers
create temp table member_numbers as
select int_members.*, team_numbers.team_no from int_members left join team_numbers on int_members.team_id = team_numbers.team_id;

create temp table value_numbers as
select row_number() over (order by breakdown <> 'total', breakdown, breakdown_value) - 1 as value_no, breakdown, breakdown_value
from (
    select 'total' as breakdown, 'total' as breakdown_value
    union select 'source', source from dim_sources
    union select 'industry', industry from (select industry from counted_lead union select industry from deal union select 'unknown')
    union select 'campaign', campaign from counted_lead
    union select 'channel', unnest(['call', 'email', 'meeting', 'message', 'unknown'])
    union select 'product', product_id from (select product_id from product_shares union select 'unknown')
    union select 'lead_owner', rep_id from (select rep_id from rep_numbers union select 'unknown')
    union select 'source', source from deal
    union select 'stage', coalesce(stage, 'unknown') from stage_meanings
    union select 'expected_close_month', strftime(expected_close_on, '%Y-%m') from history where expected_close_on is not null
    union select 'expected_close_month', 'unknown'
);

create temp view int_breakdown_values as select *, 0 as breakdown_no from value_numbers;

create macro key_of(period_no, member_no, value_no) as
    (period_no::bigint << 40) + (member_no::bigint << 20) + value_no::bigint;
{% macro rep_member() %}1 + (select count(*) from team_numbers) + rep_no{% endmacro %}

create temp table spine as
select key_of(period_no, member_no, 0) as key from period_numbers, member_numbers;

{# A look-up of a breakdown value's number; `alias` gives its column. #}
{% macro numbered(breakdown, column, alias) -%}
    inner join value_numbers as {{ alias }}_values on {{ alias }}_values.breakdown = '{{ breakdown }}' and {{ column }} = {{ alias }}_values.breakdown_value
{%- endmacro %}

{#
    Sums of records at every key, as temp table `name`. They are summed by rep first, in weeks and months; quarters, years, teams and
    the company are sums of sums. `records` has rep_no, the columns of `values` and week_no and month_no, or period_no for stocks.
#}
{% macro sums(name, records, measures, stock=false) -%}
create temp table {{ name }} as
with {% for source in records %}{{ source.as }} as materialized (
    select
        {{ 'period_no' if stock else 'coalesce(week_no, month_no) as period_no' }}, rep_no,
        coalesce({{ (source['values'] + ['0']) | join(', ') }}) as value_no,
        {%- for measure, expression in measures.items() %}
        {{ expression }} as {{ measure }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ source.table }}
    group by grouping sets (
        {%- for period in (['period_no'] if stock else ['week_no', 'month_no']) %}{% set last_period = loop.last %}
        {%- if source.total %}({{ period }}, rep_no){{ ',' if source['values'] or not last_period }}{% endif %}
        {%- for value in source['values'] %}({{ period }}, rep_no, {{ value }}){{ ',' if not (loop.last and last_period) }}{% endfor %}
        {%- endfor %}
    )
),
{% endfor %}
cells as materialized ({% for source in records %}select * from {{ source.as }}{{ ' union all ' if not loop.last }}{% endfor %}),
{% macro again() %}{% for measure in measures %}sum({{ measure }})::{{ 'decimal(18, 2)' if measure.endswith('amount') else 'bigint' }} as {{ measure }}{{ ', ' if not loop.last }}{% endfor %}{% endmacro %}
{% if stock %}
by_rep as materialized (select * from cells),
{% else %}
quarters as materialized (
    select quarter_no as period_no, rep_no, value_no, {{ again() }}
    from cells inner join month_quarters on cells.period_no = month_quarters.month_no group by all
),
by_rep as materialized (
    select * from cells
    union all
    select * from quarters
    union all
    select year_no as period_no, rep_no, value_no, {{ again() }}
    from quarters inner join quarter_years on quarters.period_no = quarter_years.quarter_no group by all
),
{% endif %}
by_team as materialized (
    select period_no, team_no, value_no, {{ again() }}
    from by_rep inner join rep_numbers on by_rep.rep_no = rep_numbers.rep_no group by period_no, team_no, value_no
)
select key_of(period_no, {{ rep_member() }}, value_no) as key, {{ measures | join(', ') }} from by_rep
union all
select key_of(period_no, 1 + team_no, value_no), {{ measures | join(', ') }} from by_team
union all
select key_of(period_no, 0, value_no), {{ again() }} from by_team group by period_no, value_no;
{%- endmacro %}

{# What cannot be summed, such as medians, of records at every key. #}
{% macro wholes(name, table, measures, values, total=true) -%}
create temp table {{ name }} as
select
    key_of(
        coalesce(week_no, month_no, quarter_no, year_no),
        case when grouping(rep_no) = 0 then {{ rep_member() }} when grouping(team_no) = 0 then 1 + team_no else 0 end,
        coalesce({{ (values + ['0']) | join(', ') }})
    ) as key,
    {%- for measure, expression in measures.items() %}
    {{ expression }} as {{ measure }}{{ ',' if not loop.last }}
    {%- endfor %}
from {{ table }}
group by grouping sets (
    {%- set comma = joiner(',') %}
    {%- for period in ['week_no', 'month_no', 'quarter_no', 'year_no'] %}
    {%- for level in ['', ', team_no', ', team_no, rep_no'] %}
    {%- if total %}{{ comma() }}({{ period }}{{ level }}){% endif %}
    {%- for value in values %}{{ comma() }}({{ period }}{{ level }}, {{ value }}){% endfor %}
    {%- endfor %}
    {%- endfor %}
);
{%- endmacro %}

{# The shared columns of a kpi table, and where they come from. #}
{% macro key_texts() -%}
    period_type, period_start, period_end, is_complete, level, team_id, rep_id, breakdown, breakdown_value
{%- endmacro %}
{% macro with_texts(keys) -%}
    {{ keys }} as keys
    inner join period_numbers on keys.key >> 40 = period_numbers.period_no
    inner join member_numbers on (keys.key >> 20) & 1048575 = member_numbers.member_no
    inner join value_numbers on keys.key & 1048575 = value_numbers.value_no
{%- endmacro %}
{# Joins the rows of `cut` one period or one year before, as `alias`; wants with_texts. #}
{% macro earlier(cut, alias, number) -%}
    left join {{ cut }} as {{ alias }} on keys.key + ({{ number }} - period_numbers.period_no) * 1099511627776 = {{ alias }}.key
{%- endmacro %}

{# Every key of `cuts`, and all totals. #}
{% macro all_keys(cuts) -%}
    (
        select key from spine
        {%- for cut in cuts %}
        union
        select key from {{ cut }}
        {%- endfor %}
    )
{%- endmacro %}

{# The optimizer takes few rows to come of a join with a part of a key, and builds its tables from the many. #}
{% macro joined_as_written() -%} set disabled_optimizers = 'join_order,build_side_probe_side' {%- endmacro %}
{% macro joined_as_estimated() -%} set disabled_optimizers = '' {%- endmacro %}
