-- What every table of the company draws from: chance, time, and who belongs to whom. All of it follows from a record's number, so
-- that no table is ever joined with another one while it is written. Seconds are of the epoch, UTC.
-- {start} and {until} are the first and the last instant of the company, {now} is what nothing lies after: all three, {seed}, {leads},
-- {reps}, {teams} and {accounts} are filled in.

-- Chance from 0 to 1, its own for every number and every question (0 to 127) that is asked of it.
create macro u(n, question) as
    (hash((n)::bigint * 128 + question + {seed} * 1099511627776) >> 11)::double / 9007199254740992;

-- Leads come in by their numbers, more of them from year to year, fewer in summer; mostly in office hours of a working day.
create macro place(n) as ((n) + u(n, 1)) / {leads};
create macro arrival(n) as
    {start} + ({until} - {start}) * (1.15 * place(n) - 0.15 * place(n) ** 2 + 0.008 * sin(18.849556 * place(n)));
create macro on_working_day(day, n) as
    day + case when u(n, 2) < 0.8 then [0, 0, 0, 0, 0, -1, 1][1 + (day + 3) % 7] else 0 end;
create macro created(n) as
    least(
        (
            on_working_day((arrival(n) // 86400)::bigint, n) * 86400
            + case when u(n, 3) < 0.85 then 25200 + u(n, 4) * 36000 else u(n, 4) * 86399 end
        )::bigint,
        {until} - 60
    );

-- So many days after an instant (at most 120), sooner where the last instant is near.
create macro days_later(instant, days) as
    (instant + (days) * 86400 * least(1, ({now} - instant) / 10368000.0))::bigint;

create macro stamp(instant) as make_timestamp((instant)::bigint * 1000000);
create macro on_day(instant) as cast(make_timestamp((instant)::bigint * 1000000) as date);

-- The last tenth of the reps joins on the way; what comes in before that goes to others.
create macro newcomers() as greatest({reps} // 10, 1);
create macro joined(rep) as
    case when rep >= {reps} - newcomers()
        then {start} + ({until} - {start}) * (rep - {reps} + newcomers() + 0.5) / (newcomers() + 1)
        else {start} - 86400 * (100 + rep * 37 % 3000) end;
create macro drawn_rep(n) as ({reps} * u(n, 5) ** 1.2)::bigint % {reps};
create macro rep_of(n, instant) as
    case when joined(drawn_rep(n)) > instant then drawn_rep(n) % ({reps} - newcomers()) else drawn_rep(n) end;
create macro rep_id(rep) as 'R' || (rep + 1);
create macro owner_id(n, instant) as
    case when u(n, 6) < 0.015 then null when u(n, 6) < 0.018 then 'R999999' else rep_id(rep_of(n, instant)) end;

-- Every fourth lead becomes an opportunity; some opportunities never were a lead.
create macro lead_of(o) as (o) * 4 + (u(o, 20) * 4)::bigint % 4;
create macro has_lead(o) as u(o, 21) < 0.85;
create macro born(o, lead_created) as days_later(lead_created, 0.3 + 20 * u(o, 22) ** 2);
create macro cycle_days(o) as 4 + 130 * u(o, 23) ** 1.7;
create macro is_winner(o) as u(o, 24) < 0.3;

create macro account_id(n) as 'A' || ((u(n, 7) * {accounts})::bigint % {accounts});
create macro industry_of(n) as
    ['Manufacturing', 'Logistics', 'Professional services', 'Construction', 'Retail', 'Healthcare', 'Food and agriculture',
     'Financial services'][1 + (8 * u(n, 8) ** 1.4)::bigint % 8];
create macro source_of(n) as
    case
        when u(n, 9) < 0.32 then 'website' when u(n, 9) < 0.50 then 'advertising' when u(n, 9) < 0.60 then 'referral'
        when u(n, 9) < 0.70 then 'webinar' when u(n, 9) < 0.79 then 'trade fair' when u(n, 9) < 0.87 then 'partner'
        when u(n, 9) < 0.985 then 'outbound list'
    end;
create macro currency_of(o) as
    case when u(o, 25) < 0.2 then null when u(o, 25) < 0.85 then 'EUR' when u(o, 25) < 0.92 then 'USD'
        when u(o, 25) < 0.97 then 'gbp' else 'CHF' end;
create macro product_of(n) as 'P' || (1 + (12 * u(n, 10) ** 1.5)::bigint % 12);
