-- One row per opportunity and instant of change, with the values after the change. Stage, amount, probability and close date are
-- always kept; the owner only where the org tracks that field. History that Salesforce no longer keeps stays.
with snapshots_source as (
    select distinct _source, id, opportunityid, stagename, amount, currencyisocode, probability, closedate, createddate
    from {{ source('raw_salesforce', 'OpportunityHistory') }}
),

changes_source as (
    select distinct _source, id, opportunityid, oldvalue, newvalue, createddate
    from {{ source('raw_salesforce', 'OpportunityFieldHistory') }}
    -- a change of owner is told twice, with names and with ids
    where field in ('Owner', 'OwnerId') and newvalue like '005%' and length(newvalue) >= 15
),

opportunities_source as (
    select * from {{ source('raw_salesforce', 'Opportunity') }}
),

opportunities as (
    {{ newest_version('opportunities_source', ['id']) }}
),

ranked_snapshots as (
    select
        *,
        row_number() over (partition by _source, opportunityid, createddate order by id desc) as snapshot_rank
    from snapshots_source
),

snapshots as (
    select
        *,
        coalesce(
            lead(createddate) over (partition by _source, opportunityid order by createddate), timestamp '9999-12-31 00:00:00'
        ) as valid_to
    from ranked_snapshots
    where snapshot_rank = 1
),

ranked_changes as (
    select
        *,
        row_number() over (partition by _source, opportunityid order by createddate, id) as change_number,
        lead(createddate) over (partition by _source, opportunityid order by createddate, id) as next_change_at
    from changes_source
),

owners as (
    select _source, opportunityid, newvalue as owner_id, createddate as valid_from, next_change_at as valid_to
    from ranked_changes
    union all
    select _source, opportunityid, oldvalue as owner_id, timestamp '1900-01-01 00:00:00' as valid_from, createddate as valid_to
    from ranked_changes
    where change_number = 1
    union all
    select _source, id as opportunityid, ownerid as owner_id, timestamp '1900-01-01 00:00:00' as valid_from, null as valid_to
    from opportunities
    where
        -- an org that tracks no owners tells nothing of them
        exists (select 1 from changes_source as tracked where tracked._source = opportunities._source)
        and not exists (
            select 1 from changes_source as own where own._source = opportunities._source and own.opportunityid = opportunities.id
        )
),

instants as (
    select _source, opportunityid, createddate as changed_at from snapshots
    union
    select _source, opportunityid, createddate as changed_at from changes_source
),

{{ salesforce_history_columns('instants', 'snapshots', 'owners') }}

select * from renamed
