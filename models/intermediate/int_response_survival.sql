-- One row per period and member with leads whose waiting time is known: the Kaplan-Meier median of it, which counts the leads that
-- nobody has answered for as long as they waited. Survival is the share that still waits; the median is null where more than half do.
with leads as (
    select * from {{ ref('fct_leads') }} where waiting_minutes is not null
),

placed as (
    {{ at_every_total('leads', 'created_on', ['waiting_minutes', 'is_answered']) }}
),

counted as (
    select
        period_no,
        member_no,
        value_no,
        waiting_minutes,
        count(*) as leads,
        count(*) filter (where is_answered) as responses
    from placed
    group by period_no, member_no, value_no, waiting_minutes
),

exposed as (
    select
        *,
        -- who waited as long or longer; leads that stopped waiting without an answer at the same minute are among them
        sum(leads) over (partition by period_no, member_no order by waiting_minutes desc) as leads_at_risk
    from counted
),

survived as (
    select
        *,
        case
            when responses = leads_at_risk then 0
            -- the product of the shares that went on waiting
            else exp(
                sum(ln(nullif({{ ratio('leads_at_risk - responses', 'leads_at_risk') }}, 0)))
                    over (partition by period_no, member_no order by waiting_minutes)
            )
        end as survival
    from exposed
),

medians as (
    select
        period_no,
        member_no,
        value_no,
        -- one half is one half, whatever logarithms leave behind
        min(waiting_minutes) filter (where round(survival, 9) <= 0.5) as km_median_response_minutes
    from survived
    group by period_no, member_no, value_no
)

select * from medians
