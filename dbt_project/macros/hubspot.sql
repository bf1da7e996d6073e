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

{#
    The records that another one is linked to, one row per record: of several the one with the primary label, else the one that
    is there the longest. Wants the relations `associations`, `contacts` and `leads` as raw has them.
#}
{% macro hubspot_linked() -%}
    with newest_links as (
        {{ newest_version('associations', ['parent', 'to_id']) }}
    ),

    people as (
        select _source, 'contacts' as object_type, id, min(createdate) as created_at from contacts group by _source, id
        union all
        select _source, 'leads' as object_type, id, min(hs_createdate) as created_at from leads group by _source, id
    ),

    ranked_links as (
        select
            newest_links.*,
            row_number() over (
                partition by newest_links._source, newest_links.from_type, newest_links.from_id, newest_links.to_type
                order by
                    -- the primary company of a deal, the primary contact of a lead
                    case when newest_links.types like '%,5,%' or newest_links.types like '%,578,%' then 1 else 2 end,
                    people.created_at nulls last,
                    newest_links.to_id
            ) as link_rank
        from newest_links
        left join people
            on newest_links._source = people._source and newest_links.to_type = people.object_type and newest_links.to_id = people.id
        where not newest_links._is_deleted
    )

    select
        _source,
        from_type,
        from_id,
        max(case when to_type = 'contacts' then to_id end) as linked_contact_id,
        max(case when to_type = 'leads' then to_id end) as linked_lead_id,
        max(case when to_type = 'deals' then to_id end) as linked_deal_id,
        max(case when to_type = 'companies' then to_id end) as linked_company_id
    from ranked_links
    where link_rank = 1
    group by _source, from_type, from_id
{%- endmacro %}

{# Contacts as leads. Wants `newest_contacts` and `modes`. #}
{% macro hubspot_contacts_as_leads() -%}
    select
        newest_contacts._source,
        'contacts' as object_type,
        newest_contacts.id,
        newest_contacts.hubspot_owner_id,
        newest_contacts.associatedcompanyid,
        cast(null as string) as person_id,
        newest_contacts.email,
        newest_contacts.lead_source,
        newest_contacts.lead_campaign,
        newest_contacts.industry,
        newest_contacts.hs_lead_status as status_value,
        case
            when modes.disqualified like '%;' || upper(newest_contacts.hs_lead_status) || ';%' then 'disqualified'
            when newest_contacts.lifecyclestage in ('opportunity', 'customer', 'evangelist', 'salesqualifiedlead')
                then newest_contacts.lifecyclestage
            else coalesce(newest_contacts.hs_lead_status, newest_contacts.lifecyclestage)
        end as status,
        newest_contacts._is_deleted or coalesce(newest_contacts.archived, false) as is_gone,
        newest_contacts.createdate as created_at,
        coalesce(newest_contacts.hs_v2_date_entered_opportunity, newest_contacts.hs_lifecyclestage_opportunity_date) as converted_at,
        coalesce(newest_contacts.hs_v2_date_entered_customer, newest_contacts.hs_lifecyclestage_customer_date) as became_customer_at
    from newest_contacts
    inner join modes on newest_contacts._source = modes._source
    where modes.leads = 'contacts'
{%- endmacro %}

{# Lead objects as leads, each with its contact. Wants `newest_leads`, `newest_contacts`, `modes`, `linked`, `stages`, `first_qualified`. #}
{% macro hubspot_lead_objects_as_leads() -%}
    select
        newest_leads._source,
        'leads' as object_type,
        newest_leads.id,
        newest_leads.hubspot_owner_id,
        newest_contacts.associatedcompanyid,
        newest_contacts.id as person_id,
        newest_contacts.email,
        coalesce(newest_leads.lead_source, newest_contacts.lead_source) as lead_source,
        coalesce(newest_leads.lead_campaign, newest_contacts.lead_campaign) as lead_campaign,
        newest_contacts.industry,
        newest_leads.hs_pipeline_stage as status_value,
        case
            when stages.leadstate = 'UNQUALIFIED' then 'disqualified'
            when stages.leadstate = 'QUALIFIED' then stages.label
            else coalesce(stages.leadstate, stages.label, newest_leads.hs_pipeline_stage)
        end as status,
        newest_leads._is_deleted or coalesce(newest_leads.archived, false) as is_gone,
        newest_leads.hs_createdate as created_at,
        first_qualified.qualified_at as converted_at,
        cast(null as timestamp) as became_customer_at
    from newest_leads
    inner join modes on newest_leads._source = modes._source
    left join linked
        on newest_leads._source = linked._source and newest_leads.id = linked.from_id and linked.from_type = 'leads'
    left join newest_contacts on linked._source = newest_contacts._source and linked.linked_contact_id = newest_contacts.id
    left join stages
        on newest_leads._source = stages._source and newest_leads.hs_pipeline = stages.pipeline_id
        and newest_leads.hs_pipeline_stage = stages.id and stages.object_type = 'leads'
    left join first_qualified on newest_leads._source = first_qualified._source and newest_leads.id = first_qualified.id
    where modes.leads = 'leads'
{%- endmacro %}

{# Since when a lead has its status: the last change to each value. Wants `contact_history` and `lead_history`. #}
{% macro hubspot_status_since() -%}
    select _source, 'contacts' as object_type, id, value, max(timestamp) as changed_at
    from contact_history
    where property = 'hs_lead_status' and not _is_deleted
    group by _source, id, value
    union all
    select _source, 'leads' as object_type, id, value, max(timestamp) as changed_at
    from lead_history
    where property = 'hs_pipeline_stage' and not _is_deleted
    group by _source, id, value
{%- endmacro %}

{# When a lead object first came into a stage called converted. Wants `lead_history` and `stages`. #}
{% macro hubspot_leads_converted() -%}
    select lead_history._source, lead_history.id, min(lead_history.timestamp) as qualified_at
    from lead_history
    inner join stages
        on lead_history._source = stages._source
        and lead_history.value = stages.id
        and stages.object_type = 'leads'
        and {{ spelling('stages.label') }} = 'converted'
    group by lead_history._source, lead_history.id
{%- endmacro %}

{# Which record is left of a merge. Wants `merged_contacts` and `merged_leads`. #}
{% macro hubspot_merges() -%}
    select _source, 'contacts' as object_type, id, max(into_id) as into_id
    from merged_contacts
    where not _is_deleted
    group by _source, id
    union all
    select _source, 'leads' as object_type, id, max(into_id) as into_id
    from merged_leads
    where not _is_deleted
    group by _source, id
{%- endmacro %}

{# Products of deals, that of the largest line item first. Wants `linked` and `items`. #}
{% macro hubspot_main_products() -%}
    select
        links._source,
        links.linked_deal_id,
        items.hs_product_id,
        row_number() over (
            partition by links._source, links.linked_deal_id order by items.amount desc nulls last, items.id asc
        ) as product_rank
    from linked as links
    inner join items on links._source = items._source and links.from_id = items.id and links.from_type = 'line_items'
    where
        not items._is_deleted and not coalesce(items.archived, false) and items.hs_product_id is not null
{%- endmacro %}
