-- One row per opportunity and product, with the part of the opportunity's amount that is the product's, as an interval of shares.
-- Parts follow the amounts of the lines; they are equal where the lines have none. Without lines it is the opportunity's own product.
with opportunities as (
    select * from {{ ref('int_opportunities_described') }}
),

lines as (
    {{ union_crms('opportunity_products') }}
),

weighted as (
    select
        opportunities.opportunity_id,
        coalesce(lines.product_id, opportunities.product_id) as product_id,
        greatest(coalesce(lines.amount, 0), 0) as line_amount,
        sum(greatest(coalesce(lines.amount, 0), 0)) over (partition by opportunities.opportunity_id) as lines_amount,
        sum(greatest(coalesce(lines.amount, 0), 0)) over (
            partition by opportunities.opportunity_id order by lines.product_id rows unbounded preceding
        ) as running_amount,
        row_number() over (partition by opportunities.opportunity_id order by lines.product_id) as line_number,
        count(*) over (partition by opportunities.opportunity_id) as line_count
    from opportunities
    left join lines on opportunities.opportunity_id = lines.opportunity_id
),

shared as (
    select
        opportunity_id,
        product_id,
        case
            when lines_amount > 0 then cast((running_amount - line_amount) as double) / lines_amount
            else cast(line_number - 1 as double) / line_count
        end as share_from,
        case
            when lines_amount > 0 then cast(running_amount as double) / lines_amount
            else cast(line_number as double) / line_count
        end as share_to
    from weighted
)

select * from shared
