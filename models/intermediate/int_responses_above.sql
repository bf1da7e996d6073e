-- One row per period, breakdown value and team, or the company, whose leads were answered: the median that its members are compared with.
-- It holds for the team or the company itself and for everybody in it, by the number within_no.
with responses as (
    select * from {{ ref('int_responses_by_period') }} where median_business_response_minutes is not null
),

members as (
    select * from {{ ref('int_members') }} where level in ('company', 'team')
),

above as (
    select
        responses.period_no,
        responses.value_no,
        responses.member_no as within_no,
        responses.median_business_response_minutes
    from responses
    inner join members on responses.member_no = members.member_no
)

select * from above
