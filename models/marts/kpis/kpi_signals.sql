-- One row per finding in the newest complete and the running month: what stands out, about whom, and what a sales coach would say.
-- A rule is one select in one of these models; what it says stands in seeds/signal_texts.csv.
{% set rules = ['int_lead_signals', 'int_response_signals', 'int_follow_up_signals', 'int_conversion_signals', 'int_target_signals'] %}
with members as (
    select * from {{ ref('int_signal_members') }}
),

texts as (
    select * from {{ ref('signal_texts') }}
),

findings as (
    {%- for rule in rules %}
    select * from {{ ref(rule) }}
    {%- if not loop.last %}
    union all{% endif %}
    {%- endfor %}
),

named as (
    select findings.*, members.name_en, members.name_nl
    from findings
    inner join members
        on findings.level = members.level
        and findings.team_id is not distinct from members.team_id
        and findings.rep_id is not distinct from members.rep_id
),

-- what holds for a team is not said of each of its reps again; a target is everybody's own
told_once as (
    select named.*
    from named
    where
        named.signal = 'target_behind'
        or not exists (
            select 1
            from named as wider
            where
                wider.signal = named.signal
                and wider.period_start = named.period_start
                and wider.breakdown = named.breakdown
                and wider.breakdown_value = named.breakdown_value
                -- of a change it says up or down; a negative amount is the same finding
                and (named.unit <> 'change' or (wider.value < 0) = (named.value < 0))
                and (
                    (wider.level = 'company' and named.level <> 'company')
                    or (wider.level = 'team' and named.level = 'rep' and wider.team_id = named.team_id)
                )
        )
),

spoken as (
    select
        *,
        {{ fillings('en') }},
        {{ fillings('nl') }}
    from told_once
),

worded as (
    select
        spoken.signal,
        spoken.kpi,
        spoken.level,
        spoken.team_id,
        spoken.rep_id,
        spoken.breakdown,
        spoken.breakdown_value,
        spoken.period_start,
        spoken.value,
        spoken.reference_value,
        spoken.severity,
        {{ worded('texts.text_en', 'spoken', 'en') }} as text_en,
        {{ worded('texts.text_nl', 'spoken', 'nl') }} as text_nl
    from spoken
    left join texts on spoken.signal = texts.signal and spoken.variant = texts.variant
)

select * from worded
