-- Creme CRM 2.8 on PostgreSQL, as views that creme.toml reads: one per table of the export format. `make creme` fills a real Creme and
-- compares. Run once as the owner of Creme's tables, and again after an update of Creme:
--   psql --set ON_ERROR_STOP=1 --file creme_views.sql creme
-- The user that reads needs nothing but the views:
--   create role zeven login password '...';
--   grant usage on schema zeven to zeven; grant select on all tables in schema zeven to zeven;
create schema if not exists zeven;

-- One row per team of users.
create or replace view zeven.team as
select id, username as team_name
from creme_core_cremeuser
where is_team;

-- One row per user; of the teams of a user the first counts.
create or replace view zeven.rep as
select
    member.id,
    concat_ws(' ', nullif(member.first_name, ''), nullif(member.last_name, '')) as rep_name,
    min(teammate.from_cremeuser_id) as team_id,
    member.is_active
from creme_core_cremeuser as member
left join creme_core_cremeuser_teammates_set as teammate on member.id = teammate.to_cremeuser_id
where not member.is_team
group by member.id;

-- One row per organisation.
create or replace view zeven.account as
select
    organisation.cremeentity_ptr_id as id,
    organisation.name as account_name,
    sector.title as industry,
    nullif(address.country, '') as country,
    entity.modified
from persons_organisation as organisation
inner join creme_core_cremeentity as entity on organisation.cremeentity_ptr_id = entity.id
left join persons_sector as sector on organisation.sector_id = sector.id
left join persons_address as address on organisation.billing_address_id = address.id;

-- One row per contact who is no user: a lead, converted by the first opportunity that targets or involves the contact.
create or replace view zeven.lead as
select
    contact.cremeentity_ptr_id as id,
    entity.created,
    entity.modified,
    entity.is_deleted,
    entity.user_id,
    sector.title as industry,
    employer.organisation_id,
    conversion.converted_at
from persons_contact as contact
inner join creme_core_cremeentity as entity on contact.cremeentity_ptr_id = entity.id
left join persons_sector as sector on contact.sector_id = sector.id
left join lateral (
    select min(object_entity_id) as organisation_id
    from creme_core_relation
    where subject_entity_id = contact.cremeentity_ptr_id and type_id = 'persons-subject_employed_by'
) as employer on true
left join lateral (
    select min(created) as converted_at
    from creme_core_relation
    where
        subject_entity_id = contact.cremeentity_ptr_id
        and type_id in ('opportunities-object_targets_orga', 'opportunities-subject_linked_contact')
) as conversion on true
where contact.is_user_id is null;

-- One row per opportunity. Another target is another relation, which does not touch the opportunity: changed_at looks at both.
create or replace view zeven.opportunity as
select
    opportunity.cremeentity_ptr_id as id,
    entity.created,
    greatest(entity.modified, target.related_at) as changed_at,
    entity.is_deleted,
    entity.user_id,
    phase.name as sales_phase,
    case when phase.won then true when phase.lost then false end as is_won,
    coalesce(nullif(opportunity.made_sales, 0), opportunity.estimated_sales) as amount,
    currency.international_symbol as currency,
    opportunity.chance_to_win,
    opportunity.expected_closing_date,
    opportunity.closing_date,
    origin.name as origin,
    target.organisation_id,
    target.contact_id
from opportunities_opportunity as opportunity
inner join creme_core_cremeentity as entity on opportunity.cremeentity_ptr_id = entity.id
inner join opportunities_salesphase as phase on opportunity.sales_phase_id = phase.id
inner join creme_core_currency as currency on opportunity.currency_id = currency.id
left join opportunities_origin as origin on opportunity.origin_id = origin.id
left join lateral (
    select
        max(relation.created) as related_at,
        min(organisation.cremeentity_ptr_id) as organisation_id,
        min(contact.cremeentity_ptr_id) as contact_id
    from creme_core_relation as relation
    left join persons_organisation as organisation on relation.object_entity_id = organisation.cremeentity_ptr_id
    left join persons_contact as contact on relation.object_entity_id = contact.cremeentity_ptr_id
    where
        relation.subject_entity_id = opportunity.cremeentity_ptr_id
        and relation.type_id = 'opportunities-subject_targets_orga'
) as target on true;

-- One row per line of Creme's history in which a column below changed, and per creation; with the values after it.
-- Creme writes what was before and after, as JSON: ["name of the record", ["sales_phase_id", 2, 3], ["made_sales", 1000]], without the
-- value before where there was none. What was true after a line is what was true before the next line with that column, or what is
-- true now. A creation says nothing of values, so this also gives those that the opportunity began with.
create or replace view zeven.opportunity_history as
with line as (
    select history.id, history.entity_id, history.date, history.type, part.value as part
    from creme_core_historyline as history
    inner join opportunities_opportunity as opportunity on history.entity_id = opportunity.cremeentity_ptr_id
    left join lateral jsonb_array_elements(history.value::jsonb) as part (value)
        on history.type = 2 and case when jsonb_typeof(part.value) = 'array' then jsonb_array_length(part.value) > 1 end
    where history.type in (1, 2)
),

change as (
    select
        id,
        entity_id,
        date,
        type,
        part ->> 0 as field,
        case when jsonb_array_length(part) = 3 then part ->> 1 end as was
    from line
),

moment as (
    select
        id,
        entity_id,
        date,
        bool_or(field = 'sales_phase_id') as moved_phase,
        max(was) filter (where field = 'sales_phase_id') as was_phase,
        bool_or(field = 'estimated_sales') as moved_estimate,
        max(was) filter (where field = 'estimated_sales') as was_estimate,
        bool_or(field = 'made_sales') as moved_sales,
        max(was) filter (where field = 'made_sales') as was_sales,
        bool_or(field = 'currency_id') as moved_currency,
        max(was) filter (where field = 'currency_id') as was_currency,
        bool_or(field = 'chance_to_win') as moved_chance,
        max(was) filter (where field = 'chance_to_win') as was_chance,
        bool_or(field = 'expected_closing_date') as moved_closing,
        max(was) filter (where field = 'expected_closing_date') as was_closing,
        bool_or(field = 'user_id') as moved_user,
        max(was) filter (where field = 'user_id') as was_user
    from change
    where
        type = 1
        or field in (
            'sales_phase_id', 'estimated_sales', 'made_sales', 'currency_id', 'chance_to_win', 'expected_closing_date', 'user_id'
        )
    group by id, entity_id, date
),

-- the last of each array is what was before the next line that changed the column; no array: none did
followed as (
    select
        id,
        entity_id,
        date,
        array_agg(was_phase) filter (where moved_phase) over later as phases,
        array_agg(was_estimate) filter (where moved_estimate) over later as estimates,
        array_agg(was_sales) filter (where moved_sales) over later as sales,
        array_agg(was_currency) filter (where moved_currency) over later as currencies,
        array_agg(was_chance) filter (where moved_chance) over later as chances,
        array_agg(was_closing) filter (where moved_closing) over later as closings,
        array_agg(was_user) filter (where moved_user) over later as users
    from moment
    window later as (partition by entity_id order by id desc rows between unbounded preceding and 1 preceding)
),

dated as (
    select
        followed.id,
        followed.entity_id as opportunity_id,
        followed.date as changed_at,
        case
            when phases is null then opportunity.sales_phase_id else phases[cardinality(phases)]::integer
        end as sales_phase_id,
        case
            when estimates is null then opportunity.estimated_sales else estimates[cardinality(estimates)]::integer
        end as estimated_sales,
        case when sales is null then opportunity.made_sales else sales[cardinality(sales)]::integer end as made_sales,
        case
            when currencies is null then opportunity.currency_id else currencies[cardinality(currencies)]::integer
        end as currency_id,
        case
            when chances is null then opportunity.chance_to_win else chances[cardinality(chances)]::integer
        end as chance_to_win,
        case
            when closings is null then opportunity.expected_closing_date else closings[cardinality(closings)]::date
        end as expected_closing_date,
        case when users is null then entity.user_id else users[cardinality(users)]::integer end as user_id
    from followed
    inner join opportunities_opportunity as opportunity on followed.entity_id = opportunity.cremeentity_ptr_id
    inner join creme_core_cremeentity as entity on followed.entity_id = entity.id
)

select
    dated.id,
    dated.opportunity_id,
    dated.changed_at,
    phase.name as sales_phase,
    coalesce(nullif(dated.made_sales, 0), dated.estimated_sales) as amount,
    currency.international_symbol as currency,
    dated.chance_to_win,
    dated.expected_closing_date,
    dated.user_id
from dated
left join opportunities_salesphase as phase on dated.sales_phase_id = phase.id
left join creme_core_currency as currency on dated.currency_id = currency.id;

-- One row per activity but absences, with the first opportunity and contact that it is about. A planned one has not happened.
create or replace view zeven.activity as
select
    activity.cremeentity_ptr_id as id,
    coalesce(activity.start, entity.created) as occurred_at,
    greatest(entity.modified, subject.related_at) as changed_at,
    entity.is_deleted,
    entity.user_id,
    case kind.uuid::text
        when '86934e63-1ba5-4b19-b2a5-43f9412fddc3' then 'call'
        when '7fda7c3f-f0e8-47f9-9d90-7931293fdff9' then 'task'
        else 'meeting'
    end as activity_type,
    case when sub_kind.uuid = '49b2ce30-fe7b-409b-b4ef-4749400b88c7' then 'inbound' else 'outbound' end as direction,
    status.uuid is null or status.uuid = '4c7f518b-6bd5-44ea-a867-5e33f50646da' as is_completed,
    subject.opportunity_id,
    subject.contact_id
from activities_activity as activity
inner join creme_core_cremeentity as entity on activity.cremeentity_ptr_id = entity.id
inner join activities_activitytype as kind on activity.type_id = kind.id
inner join activities_activitysubtype as sub_kind on activity.sub_type_id = sub_kind.id
left join activities_status as status on activity.status_id = status.id
left join lateral (
    select
        max(relation.created) as related_at,
        min(opportunity.cremeentity_ptr_id) as opportunity_id,
        min(contact.cremeentity_ptr_id) as contact_id
    from creme_core_relation as relation
    left join opportunities_opportunity as opportunity on relation.object_entity_id = opportunity.cremeentity_ptr_id
    left join persons_contact as contact
        on relation.object_entity_id = contact.cremeentity_ptr_id and contact.is_user_id is null
    where
        relation.subject_entity_id = activity.cremeentity_ptr_id
        and relation.type_id in ('activities-object_activity_subject', 'activities-object_linked_2_activity')
) as subject on true
where kind.uuid <> '1cd1de3d-1fad-4eb6-82a8-93059f1b5ea3';
