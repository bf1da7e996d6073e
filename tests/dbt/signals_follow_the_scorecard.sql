-- Detects a finding that the scorecard denies: what is good there, or has no status, gives no warning here.
-- Likely cause: a rule that judges by itself what int_metric_norms judges. A row is such a finding.
{{ config(meta={'dagster': {'ref': {'name': 'kpi_signals'}}}) }}
select signals.signal, signals.level, signals.team_id, signals.rep_id, signals.period_start, scorecard.status
from {{ ref('kpi_signals') }} as signals
left join {{ ref('kpi_scorecard') }} as scorecard
    on signals.kpi = scorecard.kpi
    and scorecard.period_type = 'month'
    and signals.period_start = scorecard.period_start
    and signals.level = scorecard.level
    and signals.team_id is not distinct from scorecard.team_id
    and signals.rep_id is not distinct from scorecard.rep_id
where
    signals.breakdown = 'total'
    and signals.signal in (
        'leads_below_capacity', 'leads_above_capacity', 'rep_slower_than_team', 'team_slow', 'too_few_follow_ups',
        'conversion_below_target', 'target_behind', 'pipeline_does_not_cover_gap'
    )
    and coalesce(scorecard.status, 'good') = 'good'
