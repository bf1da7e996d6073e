-- One row per opportunity and change that the history of any CRM tells, as its staging has it.
with history as (
    {{ union_crms('opportunity_history') }}
),

gathered as (
    select
        opportunity_id,
        owner_id,
        stage,
        currency,
        amount,
        probability,
        expected_close_on,
        changed_at,
        changed_on
    from history
)

select * from gathered
