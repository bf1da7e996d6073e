{# What the staging models of HubSpot share. #}

{#
    The changes of deals: one row per deal and instant with all values after the change, carried on where a property was not
    among those that changed. Wants the relations `deal_history` and `pipeline_stages` as raw has them. `close_on` is the
    expected close: while a deal is open the close date, from then on the last one of an open stage.
#}
{% macro hubspot_deal_changes() -%}
    {%- set properties = ['dealstage', 'amount', 'closedate', 'hubspot_owner_id', 'hs_forecast_probability'] %}
    with newest_changes as (
        {{ newest_version('deal_history', ['id', 'property', 'timestamp']) }}
    ),

    newest_stages as (
        select * from (
            select
                *,
                row_number() over (
                    partition by _source, id
                    order by case when _is_deleted then 2 else 1 end, _batch_number desc, _source_row desc
                ) as stage_rank
            from pipeline_stages
            where object_type = 'deals'
        ) as ranked_stages
        where stage_rank = 1
    ),

    pivoted as (
        select
            _source,
            id,
            timestamp as changed_at,
            {%- for property in properties %}
            max(case when property = '{{ property }}' then value end) as {{ property }},
            count(case when property = '{{ property }}' then 1 end) as tells_{{ property }}{{ ',' if not loop.last }}
            {%- endfor %}
        from newest_changes
        where not _is_deleted
        group by _source, id, timestamp
    ),

    versioned as (
        select
            *,
            {%- for property in properties %}
            sum(tells_{{ property }}) over (partition by _source, id order by changed_at rows unbounded preceding)
                as version_of_{{ property }}{{ ',' if not loop.last }}
            {%- endfor %}
        from pivoted
    ),

    carried as (
        select
            _source,
            id,
            changed_at,
            {%- for property in properties %}
            nullif(max({{ property }}) over (partition by _source, id, version_of_{{ property }}), '') as {{ property }}{{ ',' if not loop.last }}
            {%- endfor %}
        from versioned
    ),

    staged as (
        select
            carried.*,
            newest_stages.isclosed as is_closed,
            newest_stages.probability as stage_probability,
            count(case when coalesce(newest_stages.isclosed, false) then null else 1 end)
                over (partition by carried._source, carried.id order by carried.changed_at rows unbounded preceding) as open_so_far
        from carried
        left join newest_stages on carried._source = newest_stages._source and carried.dealstage = newest_stages.id
    )

    select
        _source,
        id,
        changed_at,
        dealstage,
        hubspot_owner_id,
        try_cast(amount as decimal(18, 2)) as amount,
        case
            when is_closed then stage_probability
            else coalesce(try_cast(hs_forecast_probability as double), stage_probability)
        end as probability,
        cast({{ local_time('coalesce(' ~ hubspot_expected_close() ~ ', ' ~ hubspot_instant('closedate') ~ ')') }} as date) as close_on
    from staged
{%- endmacro %}

{% macro hubspot_instant(text) -%}
    try_cast(replace(left({{ text }}, 19), 'T', ' ') as timestamp)
{%- endmacro %}

{% macro hubspot_expected_close() -%}
    max(case when coalesce(is_closed, false) then null else {{ hubspot_instant('closedate') }} end)
        over (partition by _source, id, open_so_far)
{%- endmacro %}

{#
    The labels of deal stages, one row per stage id: a label that stands in two pipelines and means won or lost in one of them only
    gets its pipeline in front. Wants the relation `pipeline_stages` as raw has it.
#}
{% macro hubspot_stage_labels() -%}
    with ranked as (
        select
            *,
            row_number() over (
                partition by _source, id
                order by case when _is_deleted then 2 else 1 end, _batch_number desc, _source_row desc
            ) as stage_rank
        from pipeline_stages
        where object_type = 'deals'
    ),

    compared as (
        select
            _source,
            id,
            pipeline_label,
            label,
            isclosed,
            probability,
            min(case when isclosed then probability else -1 end) over (partition by _source, {{ spelling('label') }})
            <> max(case when isclosed then probability else -1 end) over (partition by _source, {{ spelling('label') }}) as is_ambiguous
        from ranked
        where stage_rank = 1
    )

    select
        _source,
        id,
        case when is_ambiguous then pipeline_label || ': ' || label else label end as stage,
        isclosed as is_closed,
        probability
    from compared
{%- endmacro %}
