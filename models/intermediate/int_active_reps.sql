-- One row per period and member with at least one rep at work in it: how many, and how many open leads one of them can work.
with spans as (
    select * from {{ ref('int_rep_spans') }}
),

periods as (
    select * from {{ ref('int_periods') }}
),

active as (
    select
        periods.period_no,
        spans.rep_id,
        spans.lead_capacity
    from spans
    inner join periods on spans.active_from <= periods.stock_on and spans.active_until >= periods.period_start
    -- one who was hired after the last record was never at work
    where spans.active_from <= spans.active_until
),

cut as (
    {{ sums_by_cut('active', counts={'active_reps': 'count(*)', 'lead_capacity': 'sum(lead_capacity)'}) }}
),

shared as (
    select
        period_no,
        member_no,
        active_reps,
        {{ ratio('lead_capacity', 'active_reps') }} as capacity_leads_per_rep
    from cut
)

select * from shared
