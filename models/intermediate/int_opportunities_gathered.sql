-- One row per opportunity of any CRM, deleted ones too, as its staging has it.
with opportunities as (
    {{ union_crms('opportunities') }}
),

gathered as (
    select
        opportunity_id,
        lead_id,
        account_id,
        owner_id,
        product_id,
        stage,
        source,
        lost_reason,
        currency,
        amount,
        probability,
        is_won,
        is_deleted,
        created_at,
        created_on,
        expected_close_on,
        closed_on,
        updated_at,
        updated_on
    from opportunities
)

select * from gathered
