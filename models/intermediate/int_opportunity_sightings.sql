-- One row per opportunity and run that saw it changed since the run that saw it before: what a CRM that forgets was once seen to say.
-- An append-only log. It is never built anew; what a run saw that published nothing is taken out before the next run.
{{ config(schema='history', materialized='incremental', incremental_strategy='append', full_refresh=false, post_hook='{{ note_appended() }}') }}
{% set columns = ['stage', 'owner_id', 'currency', 'amount', 'probability', 'expected_close_on', 'closed_on', 'is_won', 'is_deleted'] %}
with run as (
    select * from {{ ref('stg_zeven__run') }}
),

opportunities as (
    select * from {{ ref('int_opportunities_gathered') }}
),

{% if is_incremental() %}
ranked as (
    select
        *,
        row_number() over (partition by opportunity_id order by observed_at desc) as sighting_rank
    from {{ this }}
),

last_seen as (
    select * from ranked where sighting_rank = 1
),

{% endif %}
seen as (
    select
        opportunities.opportunity_id,
        run.observed_at,
        run.run_id,
        {%- for column in columns %}
        opportunities.{{ column }},
        {%- endfor %}
        {{ edited_at('opportunities.') }} as updated_at
    from opportunities
    cross join run
    {%- if is_incremental() %}
    left join last_seen on opportunities.opportunity_id = last_seen.opportunity_id
    where
        last_seen.opportunity_id is null
        {%- for column in columns %}
        or opportunities.{{ column }} is distinct from last_seen.{{ column }}
        {%- endfor %}
    {%- endif %}
)

select * from seen
