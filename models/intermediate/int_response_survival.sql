-- One row per period and member with leads whose waiting time is known: the Kaplan-Meier median of it, which counts the leads that
-- nobody has answered for as long as they waited. Survival is the share that still waits; the median is null where more than half do.
with leads as (
    select * from {{ ref('fct_leads') }} where waiting_minutes is not null
),

placed as (
    {{ at_every_total('leads', 'created_on', ['waiting_minutes', 'is_answered']) }}
),

ranked as (
    select
        *,
        -- who waited as long or longer; at the same minute answers come before those who stopped waiting without one
        count(*) over (partition by period_no, member_no)
        - row_number() over (partition by period_no, member_no order by waiting_minutes asc, is_answered desc)
        + 1 as leads_at_risk
    from placed
),

survived as (
    select
        *,
        -- the product of the shares that went on waiting, one answer after the other; after the last one nobody waits
        case
            when is_answered and leads_at_risk = 1 then 0
            else exp(
                sum(case when is_answered then ln(nullif({{ ratio('leads_at_risk - 1', 'leads_at_risk') }}, 0)) end)
                    over (partition by period_no, member_no order by waiting_minutes asc, is_answered desc rows unbounded preceding)
            )
        end as survival
    from ranked
),

medians as (
    select
        period_no,
        member_no,
        value_no,
        -- one half is one half, whatever logarithms leave behind
        min(waiting_minutes) filter (where {{ rounded('survival', 9) }} <= 0.5) as km_median_response_minutes
    from survived
    group by period_no, member_no, value_no
)

select * from medians
