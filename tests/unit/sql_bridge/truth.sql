-- What is read out of SQL: statements, and what each comes to, derived by hand. Tables are those of `TABLES` in
-- test_statements.py. A block is the dialect; the statement; `=>` the effect, the table written and those read; and the
-- edges: `column <- table.column ROLE`, `*` for all rows, `+mask` for a value that does not show its input,
-- `column = origin` for one without a DIRECT source. A query stands for the table `t` that is made of it.

-- trino
select id, amount as a from orders
=>
id <- orders.id IDENTITY
a <- orders.amount IDENTITY

-- trino
select * from fx
=>
cur <- fx.cur IDENTITY
rate <- fx.rate IDENTITY

-- trino
select o.id + 1 as n, cast(o.dt as date) d from orders o
=>
n <- orders.id TRANSFORMATION
d <- orders.dt TRANSFORMATION

-- trino
select "ID" from orders
=>
id <- orders.id IDENTITY

-- trino
select 1 as one, 'x' as x, null as n from fx
=>
one = constant
x = constant
n = constant

-- trino
select current_date as d, uuid() as u, random() as r from fx
=>
d = generated
u = generated
r = generated

-- trino
select id from orders where status = 'x' and dt > '2026'
=>
id <- orders.id IDENTITY
* <- orders.status FILTER
* <- orders.dt FILTER

-- trino
select name from orders o join cust c on o.cust = c.id
=>
name <- cust.name IDENTITY
* <- orders.cust JOIN
* <- cust.id JOIN

-- trino
select name, id from orders join cust using (id)
=>
name <- cust.name IDENTITY
id <- orders.id TRANSFORMATION
id <- cust.id TRANSFORMATION
id <- orders.id CONDITIONAL
id <- cust.id CONDITIONAL
* <- orders.id JOIN
* <- cust.id JOIN

-- trino
select id from orders order by dt limit 3
=>
id <- orders.id IDENTITY
* <- orders.dt SORT

-- trino
select id i from orders order by i
=>
i <- orders.id IDENTITY
* <- orders.id SORT

-- trino
select rate from fx order by 1
=>
rate <- fx.rate IDENTITY
* <- fx.rate SORT

-- trino
select cust, sum(amount) t from orders group by cust having count(id) > 1
=>
cust <- orders.cust IDENTITY
t <- orders.amount AGGREGATION
* <- orders.cust GROUP_BY
* <- orders.id FILTER

-- trino
select dt d, count(*) n from orders group by 1
=>
d <- orders.dt IDENTITY
n = generated
* <- orders.dt GROUP_BY

-- trino
select distinct country from cust
=>
country <- cust.country IDENTITY
* <- cust.country GROUP_BY

-- trino
select country, count(name) n from cust group by rollup (country, id)
=>
country <- cust.country IDENTITY
n <- cust.name AGGREGATION +mask
* <- cust.country GROUP_BY
* <- cust.id GROUP_BY

-- postgres
select distinct on (cust) id from orders order by cust, dt
=>
id <- orders.id IDENTITY
* <- orders.cust GROUP_BY
* <- orders.cust SORT
* <- orders.dt SORT

-- trino
select sum(amount) filter (where status = 'x') s from orders
=>
s <- orders.amount AGGREGATION
s <- orders.status FILTER

-- trino
select array_agg(amount order by dt) l from orders
=>
l <- orders.amount AGGREGATION
l <- orders.dt WINDOW

-- redshift
select listagg(name, ',') within group (order by id) l, percentile_cont(0.5) within group (order by id) p from
cust
=>
l <- cust.name AGGREGATION
l <- cust.id WINDOW
p <- cust.id AGGREGATION

-- trino
select case when status = 'x' then amount else 0 end v from orders
=>
v <- orders.amount TRANSFORMATION
v <- orders.status CONDITIONAL

-- trino
select case status when 'x' then 'y' else 'n' end v, if(amount > 1, id) w from orders
=>
v <- orders.status CONDITIONAL
v = conditional
w <- orders.id TRANSFORMATION
w <- orders.amount CONDITIONAL

-- trino
select coalesce(cust, id) c from orders
=>
c <- orders.cust TRANSFORMATION
c <- orders.id TRANSFORMATION
c <- orders.cust CONDITIONAL
c <- orders.id CONDITIONAL

-- snowflake
select nvl(cust, 0) n, nvl2(dt, id, amount) m, nullif(id, amount) e, ifnull(status, 'x') i from orders
=>
n <- orders.cust TRANSFORMATION
n <- orders.cust CONDITIONAL
m <- orders.id TRANSFORMATION
m <- orders.amount TRANSFORMATION
m <- orders.dt CONDITIONAL
e <- orders.id TRANSFORMATION
e <- orders.id CONDITIONAL
e <- orders.amount CONDITIONAL
i <- orders.status TRANSFORMATION
i <- orders.status CONDITIONAL

-- snowflake
select o.id, f.value v from orders o, table(flatten(input => parse_json(o.status))) f
=>
id <- orders.id IDENTITY
v <- orders.status TRANSFORMATION
* <- orders.status JOIN

-- spark
select id, stack(2, 'a', amount, 'b', cust) as (n, v) from orders
=>
id <- orders.id IDENTITY
n <- orders.amount TRANSFORMATION
n <- orders.cust TRANSFORMATION
v <- orders.amount TRANSFORMATION
v <- orders.cust TRANSFORMATION

-- trino
select histogram(status) h from orders
=>
h <- orders.status AGGREGATION

-- redshift
select decode(status, 'x', cust, id) d, decode(status, 'x', 1, 2) k from orders
=>
d <- orders.cust TRANSFORMATION
d <- orders.id TRANSFORMATION
d <- orders.status CONDITIONAL
k <- orders.status CONDITIONAL
k = conditional

-- snowflake
select cust, upper(status) u, sum(amount) s from orders group by all
=>
cust <- orders.cust IDENTITY
u <- orders.status TRANSFORMATION
s <- orders.amount AGGREGATION
* <- orders.cust GROUP_BY
* <- orders.status GROUP_BY

-- snowflake
select o.id, f.rate from orders o asof join fx f match_condition (o.dt >= f.rate) on o.status = f.cur
=>
id <- orders.id IDENTITY
rate <- fx.rate IDENTITY
* <- orders.status JOIN
* <- fx.cur JOIN
* <- orders.dt JOIN
* <- fx.rate JOIN

-- trino
select id, name, amount from orders natural join cust
=>
id <- orders.id TRANSFORMATION
id <- cust.id TRANSFORMATION
id <- orders.id CONDITIONAL
id <- cust.id CONDITIONAL
name <- cust.name IDENTITY
amount <- orders.amount IDENTITY
* <- orders.id JOIN
* <- cust.id JOIN

-- redshift
select id from orders start with status = 'x' connect by prior id = cust
=>
id <- orders.id IDENTITY
* <- orders.status FILTER
* <- orders.id JOIN
* <- orders.cust JOIN

-- spark
select count_if(amount > 1) c, approx_count_distinct(cust) a, greatest(id, amount) g from orders
=>
c <- orders.amount AGGREGATION +mask
a <- orders.cust AGGREGATION +mask
g <- orders.id TRANSFORMATION
g <- orders.amount TRANSFORMATION

-- trino
select row_number() over (partition by cust order by dt) r from orders
=>
r <- orders.cust WINDOW
r <- orders.dt WINDOW
r = generated

-- trino
select sum(amount) over (partition by cust) s, lag(amount) over w l from orders window w as (order by dt)
=>
s <- orders.amount AGGREGATION
s <- orders.cust WINDOW
l <- orders.amount TRANSFORMATION
l <- orders.dt WINDOW

-- snowflake
select id from orders qualify row_number() over (partition by cust order by dt) = 1
=>
id <- orders.id IDENTITY
* <- orders.cust FILTER
* <- orders.dt FILTER

-- trino
select md5(to_utf8(name)) h, count(distinct id) n from cust
=>
h <- cust.name TRANSFORMATION +mask
n <- cust.id AGGREGATION +mask

-- redshift
select sha2(name, 256) h, fnv_hash(id) f from cust
=>
h <- cust.name TRANSFORMATION +mask
f <- cust.id TRANSFORMATION +mask

-- redshift
select my_mask(name) h from cust
=>
h <- cust.name TRANSFORMATION

-- trino
with q as (select cust, sum(amount) a from orders group by cust) select a * 2 b from q
=>
b <- orders.amount AGGREGATION
* <- orders.cust GROUP_BY

-- trino
with q (x, y) as (select id, name from cust) select x from q where y = 'a'
=>
x <- cust.id IDENTITY
* <- cust.name FILTER

-- trino
with recursive t (n, p) as (select id, cust from orders union all select o.id, t.p from orders o join t on
o.cust = t.n) select n, p from t
=>
n <- orders.id IDENTITY
p <- orders.cust IDENTITY
* <- orders.cust JOIN
* <- orders.id JOIN

-- trino
select (select max(rate) from fx where cur = o.status) r from orders o
=>
r <- fx.rate AGGREGATION
r <- fx.cur FILTER
r <- orders.status FILTER

-- trino
select id from orders o where exists (select 1 from cust c where c.id = o.cust) and dt in (select cur from fx)
=>
id <- orders.id IDENTITY
* <- cust.id FILTER
* <- orders.cust FILTER
* <- orders.dt FILTER
* <- fx.cur FILTER

-- trino
select id from orders union all select id from cust
=>
id <- orders.id IDENTITY
id <- cust.id IDENTITY

-- trino
select id from orders except select id from cust
=>
id <- orders.id IDENTITY
* <- orders.id FILTER
* <- cust.id FILTER

-- trino
select x, y from (values (1, 'a'), (2, 'b')) as v (x, y)
=>
x = constant
y = constant

-- trino
select id, u from orders cross join unnest(split(status, ',')) as t (u)
=>
id <- orders.id IDENTITY
u <- orders.status TRANSFORMATION
* <- orders.status JOIN

-- spark
select id, e from orders lateral view explode(split(status, ',')) x as e
=>
id <- orders.id IDENTITY
e <- orders.status TRANSFORMATION
* <- orders.status JOIN

-- snowflake
select o.id, f.value:x::int v from orders o, lateral flatten(input => o.status) f
=>
id <- orders.id IDENTITY
v <- orders.status TRANSFORMATION
* <- orders.status JOIN

-- trino
select nosuch from orders
=>
nosuch = unresolved

-- trino
select id from orders, cust
=>
id = unresolved

-- trino
select coalesce(id, cust) v from orders, cust
=>
v <- orders.cust TRANSFORMATION
v <- orders.cust CONDITIONAL
v = partly

-- trino
select x from nowhere
=>
x <- nowhere.x IDENTITY

-- trino
select x, id from nowhere, orders
=>
x <- nowhere.x IDENTITY
id <- orders.id IDENTITY

-- trino
select x from nowhere, elsewhere
=>
x = unresolved

-- redshift
select amount * 2 as d, d + 1 as e from orders
=>
d <- orders.amount TRANSFORMATION
e <- orders.amount TRANSFORMATION

-- snowflake
select x * 2 as d, d + 1 as e from nowhere
=>
d <- nowhere.x TRANSFORMATION
e = unresolved

-- athena
create table x with (format = 'parquet') as select id from orders
=> all c.s.x <- orders
id <- orders.id IDENTITY

-- athena
create or replace view d.x as select name from cust
=> all c.d.x <- cust
name <- cust.name IDENTITY

-- redshift
create materialized view x (n) as select name from cust
=> all c.s.x <- cust
n <- cust.name IDENTITY

-- redshift
select name into x from cust
=> all c.s.x <- cust
name <- cust.name IDENTITY

-- snowflake
create or replace table x clone fx
=> all C.S.X <- fx
cur <- fx.cur IDENTITY
rate <- fx.rate IDENTITY

-- snowflake
create stream changes on table fx
=> all C.S.CHANGES <- fx
cur <- fx.cur IDENTITY
rate <- fx.rate IDENTITY

-- athena
insert into out select id, cust, dt from orders
=> keep c.s.out <- orders
a <- orders.id IDENTITY
b <- orders.cust IDENTITY
d <- orders.dt IDENTITY

-- postgres
with q as (select rate from fx) insert into out (d) select rate from q
=> keep c.s.out <- fx
d <- fx.rate IDENTITY

-- postgres
insert into out (a) values (1), (2)
=> keep c.s.out <-
a = constant

-- spark
insert overwrite table out select id, name, country from cust
=> overwrite c.s.out <- cust
a <- cust.id IDENTITY
b <- cust.name IDENTITY
d <- cust.country IDENTITY

-- spark
insert overwrite table out partition (d = '2026') select id, name from cust
=> keep c.s.out <- cust
a <- cust.id IDENTITY
b <- cust.name IDENTITY

-- redshift
update out set a = c.name from cust c where c.id = out.b and c.country = 'x'
=> keep c.s.out <- cust out
a <- cust.name IDENTITY
* <- cust.id FILTER
* <- out.b FILTER
* <- cust.country FILTER

-- redshift
update out set a = a + b
=> keep c.s.out <- out
a <- out.b TRANSFORMATION

-- redshift
delete from out using cust where cust.id = out.a
=> keep c.s.out <- cust out
* <- cust.id FILTER
* <- out.a FILTER

-- redshift
delete from out
=> all c.s.out <-

-- redshift
truncate table out
=> all c.s.out <-

-- athena
merge into out using cust c on out.a = c.id when matched and c.country = 'x' then update set b = upper(c.name)
when not matched then insert (a, b) values (c.id, c.name)
=> keep c.s.out <- cust out
b <- cust.name TRANSFORMATION
a <- cust.id IDENTITY
* <- out.a JOIN
* <- cust.id JOIN
* <- cust.country FILTER

-- spark
merge into out using (select id a, name b, country d from cust) q on out.a = q.a when matched then update set
* when not matched then insert *
=> keep c.s.out <- cust out
a <- cust.id IDENTITY
b <- cust.name IDENTITY
d <- cust.country IDENTITY
* <- out.a JOIN
* <- cust.id JOIN

-- redshift
merge into out using cust on out.a = cust.id when matched then update set b = cust.name when not matched then
insert values (cust.id, cust.name, null)
=> keep c.s.out <- cust out
a <- cust.id IDENTITY
b <- cust.name IDENTITY
d = constant
* <- out.a JOIN
* <- cust.id JOIN

-- athena
merge into out using cust on out.a = cust.id when not matched then insert values (cust.id, cust.name, 'x')
=> keep c.s.out <- cust out
a <- cust.id IDENTITY
b <- cust.name IDENTITY
d = constant
* <- out.a JOIN
* <- cust.id JOIN

-- snowflake
merge into out using cust on out.a = cust.id when matched then delete
=> keep C.S.OUT <- cust out
* <- out.a JOIN
* <- cust.id JOIN

-- athena
unload (select id from orders where dt > '2') to 's3://lake/x/' with (format = 'ORC')
=> keep s3://lake/x/ <- orders
id <- orders.id IDENTITY
* <- orders.dt FILTER

-- redshift
/* x */ unload ('select name from cust where country = ''x''') to 's3://lake/x/' iam_role 'r' parquet
=> keep s3://lake/x/ <- cust
name <- cust.name IDENTITY
* <- cust.country FILTER

-- snowflake
copy into 's3://lake/x/' from (select rate from fx)
=> keep s3://lake/x/ <- fx
rate <- fx.rate IDENTITY

-- redshift
alter table fx rename to fx2
=> all c.s.fx2 <- fx
cur <- fx.cur IDENTITY
rate <- fx.rate IDENTITY
