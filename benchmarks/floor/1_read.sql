-- What the exports hold, as views on the files, and the small tables. In these exports every moment is an instant, but for the days of
-- closing and hiring; the ids of the one source get its name in front only where they are published.
{# What several files fill in. #}
{%- set is_excluded -%}
{%- if response_exclude_sources -%}
coalesce(source in ({% for name in response_exclude_sources %}'{{ name }}'{{ ', ' if not loop.last }}{% endfor %}), false)
{%- else -%}
false
{%- endif -%}
{%- endset -%}
{%- macro minutes_of_day(instant, dates) -%}
case
    when not {{ dates }}.is_working_day or {{ instant }} <= {{ dates }}.opens_at then 0
    when {{ instant }} >= {{ dates }}.closes_at then {{ dates }}.business_minutes
    else (epoch_us({{ instant }}) - epoch_us({{ dates }}.opens_at)) / 60000000.0
end
{%- endmacro -%}
{%- macro wilson(which, successes, trials) -%}
{%- set z = '1.959963984540054e0' -%}
{%- set spread = z ~ ' * sqrt(ratio(' ~ successes ~ ' * (' ~ trials ~ ' - ' ~ successes ~ '), ' ~ trials ~ ') + ' ~ z ~ ' * ' ~ z ~ ' / 4)' -%}
case when {{ trials }} > 0 then least(greatest(
    ratio({{ successes }} + {{ z }} * {{ z }} / 2 {{ '-' if which == 'low' else '+' }} {{ spread }}, {{ trials }} + {{ z }} * {{ z }}), 0
), 1) end
{%- endmacro -%}
create macro local_time(instant) as timezone('{{ time_zone }}', timezone('UTC', instant));
create macro cents(amount) as cast(round(cast(amount as decimal(28, 6)), 2) as decimal(18, 2));
create macro part_of(amount, share_from, share_to) as cents(amount * share_to) - cents(amount * share_from);
create macro ratio(part, whole) as cast(part as double) / nullif(cast(whole as double), 0);
create macro spelling(text) as lower(trim(replace(text, '_', ' ')));

{% for name in tables %}
create view raw_{{ name }} as
select * from read_parquet('{{ folder }}/{{ name }}[-._]*parquet', union_by_name = true, filename = true, file_row_number = true);
{% endfor %}
{% for name in ['value_mappings', 'stage_map', 'holidays', 'conversion_targets', 'metric_catalog', 'signal_texts'] %}
create temp table {{ name }}_seed as select * from read_csv('{{ seeds }}/{{ name }}.csv', header = true);
{% endfor %}
create temp view holidays as select holiday_on::date as holiday_on, holiday_name, hours from holidays_seed;
create temp view stage_map as select * from stage_map_seed;
create temp view signal_texts as select * from signal_texts_seed;
create temp view conversion_targets as select source, target_ratio::double as target_ratio from conversion_targets_seed;
create table metric_catalog as select * replace (sort_order::integer as sort_order) from metric_catalog_seed;

create temp table stg_zeven__run as
select
    as_of,
    cast(local_time(as_of) as date) as as_of_on,
    cast(local_time(as_of + interval 1 second) as date) - 1 as closed_through
from (select timestamp '{{ as_of }}' as as_of);

-- of the small tables the row counts that was loaded last
{% macro newest(table, keys) -%}
    select * from raw_{{ table }} qualify row_number() over (partition by {{ keys }} order by filename desc, file_row_number desc) = 1
{%- endmacro %}

create temp table stg_files__teams as
select '{{ source }}:' || team_id as team_id, team_name, region from ({{ newest('teams', 'team_id') }});

create temp table stg_files__reps as
select
    '{{ source }}:' || rep_id as rep_id, '{{ source }}:' || team_id as team_id, rep_name, lead_capacity,
    coalesce(is_active, true) as is_active, hired_on
from ({{ newest('reps', 'rep_id') }});

create temp table stg_files__products as
select '{{ source }}:' || product_id as product_id, product_name, product_family from ({{ newest('products', 'product_id') }});

create temp table stg_files__targets as
select
    '{{ source }}:' || rep_id as rep_id, '{{ source }}:' || team_id as team_id, lower(trim(period_type)) as period_type,
    coalesce(upper(currency), '{{ currency }}') as currency, target_amount, period_start
from ({{ newest('targets', 'period_type, period_start, rep_id, team_id') }});

create temp table stg_files__exchange_rates as
select '{{ source }}' as rate_source, upper(currency) as currency, rate, valid_from
from ({{ newest('exchange_rates', 'upper(currency), valid_from') }});

create table dim_accounts as
select
    '{{ source }}:' || account_id as account_id, account_name, coalesce(industry, 'unknown') as industry, country
from ({{ newest('accounts', 'account_id') }})
union all
select 'unknown', 'Unknown', 'unknown', null;

-- the newest version of each lead, opportunity and activity; nearly all have one, so the few that have more are looked for first
{% macro newest_versions(table, id) -%}
    select * from raw_{{ table }} anti join {{ table }}_twice on hash({{ id }}) = h
    union all
    (
        select * from raw_{{ table }} semi join {{ table }}_twice on hash({{ id }}) = h
        qualify row_number() over (partition by {{ id }} order by updated_at desc nulls last, filename desc, file_row_number desc) = 1
    )
{%- endmacro %}
{% for table, id in [('leads', 'lead_id'), ('opportunities', 'opportunity_id'), ('activities', 'activity_id')] %}
create temp table {{ table }}_twice as select hash({{ id }}) as h from raw_{{ table }} group by h having count(*) > 1;
create temp view newest_{{ table }} as {{ newest_versions(table, id) }};
{% endfor %}

-- the local day of every hour: looking it up is ten times faster than converting
create temp table hours as
select epoch_us(hour_at) // 3600000000 as hour_no, cast(local_time(hour_at) as date) as day
from range(timestamp '2010-01-01', timestamp '2040-01-01', interval 1 hour) as hours(hour_at);
{% macro local_day(base) -%} coalesce({{ base }}_hours.day, cast(local_time({{ base }}_at) as date)) {%- endmacro %}
{% macro hour_of(base) -%} left join hours as {{ base }}_hours on epoch_us({{ base }}_at) // 3600000000 = {{ base }}_hours.hour_no {%- endmacro %}
