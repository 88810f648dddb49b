"""Secrets of well-known shape are masked wherever they stand; harmless texts that look a little like one are kept.

The secrets are made up, and put together from pieces, so that no scanner of this repository takes them for real ones.
"""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater.spline_bridge.redact import redact
from headwater.spline_bridge.secret_patterns import (
    _PARTS,
    _WHOLES,
    _Look,
    _Shape,
    clean_error,
    clean_text,
    clean_texts,
    secret_name,
)

LETTERS = "aB3dE5gH7jK9mN1pQ3sT5vW7yZ2bC4eF6hJ8"
HEX = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
AWS_SECRET = "kP7/xQ2mZ9" + "vB4+tR6wY1" + "cN8sD3fG5h" + "J0lK2zX4aE"


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


ACCOUNT = {
    "type": "service_account",
    "private_key": "-----BEGIN " + "PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----",
}

BARE = {
    "Headwater": "hw_" + LETTERS + LETTERS[:7],
    "GitHub": "ghp_" + LETTERS,
    "GitHub, an app's": "ghs_" + LETTERS,
    "GitHub, fine-grained": "github_pat_" + LETTERS + "_" + LETTERS,
    "GitLab": "glpat-" + LETTERS[:20],
    "GitLab, a runner's": "glrt-" + LETTERS[:20],
    "Slack": "xoxb-" + "123456789012-" + LETTERS,
    "Slack, an app's": "xapp-" + "1-A0-1-" + LETTERS,
    "Stripe": "sk_" + "live_" + LETTERS,
    "Stripe, restricted": "rk_" + "test_" + LETTERS,
    "OpenAI": "sk-" + "proj-" + LETTERS,
    "OpenAI, old": "sk-" + LETTERS + LETTERS[:12],
    "npm": "npm_" + LETTERS,
    "Hugging Face": "hf_" + LETTERS[:34],
    "Databricks": "dapi" + HEX,
    "Google Cloud": "AIza" + LETTERS[:35],
    "AWS, key id": "AKIA" + "IOSFODNN7EXAMPLQ",
    "AWS, secret key": AWS_SECRET,
    "AWS, session": "IQoJb3JpZ2lu" + "X2VjE" + LETTERS * 3,
    "service account": b64(json.dumps(ACCOUNT)),
    "service account, indented": b64(json.dumps(ACCOUNT, indent=2)),
    "Docker": "dckr_" + "pat_" + LETTERS[:27],
    "dbt": "dbtc_" + LETTERS,
    "Grafana": "glsa_" + LETTERS[:32] + "_0f1e2d3c",
    "New Relic": "NRAK-" + "QPPLJLQ152PL07CJLXMASNZAI2Q",
    "DigitalOcean": "dop_v1_" + HEX + HEX,
    "Shopify": "shpat_" + HEX,
    "Square": "sq0atp-" + LETTERS[:22],
    "Linear": "lin_api_" + LETTERS,
    "Notion": "ntn_" + LETTERS + LETTERS[:10],
    "Doppler": "dp.pt." + LETTERS + LETTERS[:7],
    "Terraform": LETTERS[:14] + ".atlasv1." + LETTERS + LETTERS[:31],
    "Atlassian": "ATBB" + LETTERS[:32],
    "Artifactory": "AKCp" + LETTERS + LETTERS[:33],
    "Azure, an application": "aZ1" + "8Q~" + LETTERS[:34],
    "Mailgun": "key-" + HEX,
    "Postman": "PMAK-" + HEX[:24] + "-" + HEX + "0f",
    "Sentry": "sntrys_" + LETTERS * 2,
    "Telegram": "123456789:" + "AA" + LETTERS[:33],
    "age": "AGE-SECRET-" + "KEY-1" + "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7LQPZRY9X8GF2TVDW0S3JN54KHCE",
    "Figma": "fig" + "d_" + LETTERS + "_x9",
    "PlanetScale": "pscale_" + "tkn_" + LETTERS,
    "Pulumi": "pul" + "-" + HEX + HEX[:8],
    "Heroku": "HRKU" + "-AA" + LETTERS + LETTERS[:20],
    "Supabase": "sbp" + "_" + HEX + HEX[:8],
    "Neon": "napi" + "_" + LETTERS + LETTERS[:28],
    "Aiven": "AVNS" + "_" + LETTERS[:19],
    "MongoDB Atlas": "mdb_sa" + "_sk_" + LETTERS,
    "Confluent": "cflt" + LETTERS + LETTERS[:24],
    "Kaggle": "KGAT" + "_" + HEX,
    "Bedrock": "ABSK" + LETTERS * 3,
    "Bedrock, for a while": "bedrock-api" + "-key-" + LETTERS * 3,
    "Replicate": "r8" + "_" + LETTERS + "x",
    "Perplexity": "pplx" + "-" + LETTERS + LETTERS[:12],
    "LangSmith": "lsv2" + "_pt_" + HEX + "_" + HEX[:10],
    "NVIDIA": "nvapi" + "-" + LETTERS + LETTERS[:28],
    "SonarQube": "squ" + "_" + HEX + HEX[:8],
    "Dynatrace": "dt0c01" + "." + LETTERS[:24].upper() + "." + (LETTERS * 2)[:64].upper(),
    "Tailscale": "tskey" + "-auth-" + LETTERS[:12] + "-" + LETTERS[:32],
    "Brevo": "xkeysib" + "-" + HEX + HEX + "-" + LETTERS[:16],
    "Mailchimp": HEX + "-us" + "12",
    "HubSpot": "pat" + "-na1-" + "1f2e3d4c-5b6a-4978-8796-a5b4c3d2e1f0",
    "Salesforce": "00D5g000003AbCd" + "!AQ" + LETTERS * 2,
    "Airtable": "pat" + LETTERS[:14] + "." + HEX + HEX,
    "Plaid": "access" + "-production-" + "1f2e3d4c-5b6a-4978-8796-a5b4c3d2e1f0",
    "Google Cloud, refreshes": "1/" + "/0" + LETTERS * 2,
    "Alibaba Cloud": "LTAI" + "5t" + LETTERS[:18],
    "Azure DevOps": (LETTERS * 2)[:52] + "JQQJ99" + LETTERS[:26],
    "a hash of bcrypt": "$2b$" + "12$" + (LETTERS * 2)[:53],
    "a hash of PostgreSQL": "SCRAM-SHA-256" + "$4096:" + LETTERS[:22] + "==$" + LETTERS + "=:" + LETTERS + "=",
    "JWT": "eyJhbGciOiJI" + "UzI1NiJ9.eyJzdWIiOiIxMjM0In0." + LETTERS,
}


@pytest.mark.parametrize("secret", BARE.values(), ids=BARE)
@pytest.mark.parametrize(
    "place",
    [
        "{}",
        "'{}'",
        "job {} of today",
        "s3://lake/x/{}/y",
        "https://h/x?a={}",
        "concat('{}', name)",
        "a={};b=1",
        "f({},1)",
    ],
)
def test_a_secret_is_known_by_its_looks(secret: str, place: str) -> None:
    if secret == AWS_SECRET and "/" in place:
        pytest.skip("between slashes it cannot be told from a path")
    text = place.format(secret)
    for cleaned, kinds in (clean_text(text), clean_error(f"E: {text}")):
        assert secret not in cleaned
        assert secret[8:] not in cleaned
        assert kinds


@pytest.mark.parametrize("place", ["name", "path", "value", "application", "error"])
def test_in_every_place_of_a_payload(place: str) -> None:
    secret = BARE["GitHub"]
    plan = {
        "name": {"name": f"job {secret}"},
        "path": {"operations": {"write": {"outputSource": f"s3://lake/{secret}/x"}}},
        "value": {"expressions": {"constants": [{"value": secret}]}},
        "application": {"extraInfo": {"appName": secret}},
        "error": [{"planId": "p", "error": f"E: no access with {secret}"}],
    }[place]
    cleaned, notes = redact(plan)
    assert secret not in json.dumps(cleaned)
    assert notes


SECRET = "hunter2"
NAMED = [
    # SQL
    "CREATE USER u IDENTIFIED BY {}",
    "CREATE USER u identified by '{}'",
    "ALTER ROLE u WITH PASSWORD '{}'",
    "create table t using jdbc options(password => '{}')",
    "OPTIONS (dbtable 't', password '{}')",
    "OPTIONS (password = '{}')",
    'OPTIONS (`password` "{}")',
    "ALTER ROLE u PASSWORD E'{}'",
    "ALTER ROLE bob WITH SUPERUSER LOGIN PASSWORD {}",
    "ALTER USER bob SET PASSWORD {}",
    "CREATE USER IF NOT EXISTS bob PASSWORD {}",
    "connect scott/{}@db",
    "select 1;\nconn scott/{} as sysdba",
    "CONNECT TO db USER bob USING {}",
    ".logon host/bob,{};",
    "select * from openrowset('p', 'h';'bob';'{}', 'select 1')",
    "exec sp_addlogin 'bob', '{}'",
    # names and values with blanks between them
    "machine h.example.org login bob password {}",
    "username bob password {}",
    "hostname r1\n password {}\n exit",
    "spark.ssl.keyPassword   {}",
    "spark.master local\njavax.jdo.option.ConnectionPassword {}\nspark.ui.port 4040",
    "setenv PGPASSWORD {}",
    "aws configure set aws_secret_access_key {}",
    "cqlsh -u bob -p {} host",
    "vault login {}hunter",
    "requirepass {}",
    # OAuth, OpenID Connect, SAML
    "https://h/cb?state=x&code={}SplxlOBeZQQYbYS6",
    "https://h/cb?code=4/0A{}XfWjYZ1234567890&scope=x",
    "grant_type=authorization_code&code={}SplxlOBeZQQYbYS6&redirect_uri=x",
    "grant_type=device&device_code={}GmRhmhcxhwAzkoEqiMEg&x=1",
    "code_verifier={}",
    "https://h/acs?SAMLResponse={}",
    # options as Scala prints them
    "List((url,jdbc:h), (password,{}))",
    "(password,{})",
    "it's 'a''b' PASSWORD 'x''{}'",
    # command lines
    "spark-submit --password {} job.py",
    "spark-submit --db-password={} job.py",
    "['--password', '{}']",
    "java -Ddb.password={} Main",
    "curl -H 'Authorization: Bearer {}'",
    "curl -u admin:{} https://h/x",
    "curl --user='admin:{}' https://h/x",
    'Authorization: Digest username="u", realm="r", response="{}"',
    "machine h login u password {}",
    # YAML, properties, ini, XML, JSON, dictionaries
    "password: {}",
    "db:\n  user: u\n  password: {}\n",
    "password: |\n  {}\nuser: u",
    "fs.azure.account.key.lake.dfs.core.windows.net  0123456789{}0123==",
    "spark.hadoop.fs.s3a.secret.key {}0123456789",
    "passwort={}",
    "a:\n  - api_key: '{}'",
    "db.user=u\ndb.password={}\n",
    "db.password = {}",
    "[default]\naws_secret_access_key = {}\n",
    "[default]\naws_session_token={}\n",
    "<password>{}</password>",
    "<property><name>fs.s3a.secret.key</name><value>{}</value></property>",
    "<db user='u' password='{}'/>",
    '<add key="DbPassword" value="{}"/>',
    '{{"password": "{}"}}',
    '{{\\"password\\": \\"{}\\"}}',
    "{{'password': '{}'}}",
    "Map(password -> {})",
    "option('password', '{}')",
    '.config("spark.my.password", "{}")',
    # cookies and headers
    "Cookie: a=b; token={}; c=d",
    "token={}; Path=/; HttpOnly",
    "Authorization: Basic " + b64("user:{}").replace(b64("user:{}"), "{}"),
    # JAAS
    'ScramLoginModule required username = "u" password = "{}" ;',
    "PlainLoginModule required username=u password={} ;",
    # URLs
    'jdbc:oracle:thin:scott/"{}"@h:1521/x',
    'jdbc:oracle:thin:"scott"/"ti ger{}"@//h/x',
    "jdbc:oracle:thin:scott/{}@h:1521:x",
    "jdbc:sqlserver://h;password={{a;{}}};x=1",
    "mongodb://u:{}@h/db",
    "https://h/x?redirect=1%26password%3D{}",
    "https://hooks.slack.com/services/T0/B0/{}",
    "s3://lake/password={}/x",
    "https://p/x?u=https%3A%2F%2Fuser%3A{}%40h%2Fx",
    "https://x.webhook.office.com/webhookb2/0f1e@2d3c/IncomingWebhook/{}/1",
    "https://outlook.office.com/webhook/{}/IncomingWebhook/x",
    "https://maker.ifttt.com/trigger/e/with/key/{}",
    "https://h/x?user[password]={}",
    "password[]={}",
    "https://h/x?user%5Bpassword%5D={}",
    # the command lines of programs that name no password
    "mysql -u root -p{} db",
    "mysqldump -h h -p'{}' db",
    "sshpass -p {} ssh host",
    "mongosh -u u -p {} --authenticationDatabase a",
    "beeline -u jdbc:hive2://h -n u -p {}",
    "sqlcmd -S h -U sa -P {}",
    "bcp t out f -Usa -P{}",
    "docker login -u u -p {} registry",
    "redis-cli -h h -a {} get x",
    "ldapsearch -D cn=u -w {} x",
    "openssl enc -aes-256-cbc -k {}",
    "openssl rsa -passin pass:{}",
    "curl -uadmin:{} https://h",
    "sqlplus scott/{}@orcl",
    "unzip -P {} a.zip",
    "plink -pw {} host",
    "tool --pw={}",
    "tool --pw {}",
    "keytool -storepass {}",
    # no blank after the colon, any character in the value, values of YAML on the next line
    "password:{}",
    "{{user:joe,password:{}}}",
    "password: {}!x@y,z",
    "password: p@ss {}",
    "password: !p@ss{}",
    "password:\n  {}",
    "password:\n  - {}",
    'password = """{}"""',
    # a name that is a value
    "- name: DB_PASSWORD\n  value: {}",
    '{{"Key": "db.password", "Value": "{}"}}',
    "[{{'name':'DB_PASSWORD','value':'{}'}}]",
    "ParameterKey=DbPassword,ParameterValue={}",
    "<password><![CDATA[{}]]></password>",
    # more SQL
    "SET PASSWORD FOR u = PASSWORD('{}')",
    "CREATE USER u IDENTIFIED WITH mysql_native_password BY '{}'",
    "CREATE SECRET (TYPE s3, KEY_ID 'x', SECRET '{}')",
    "COPY t FROM 's3://b' ACCESS_KEY_ID 'a' SECRET_ACCESS_KEY '{}'",
    "MASTER_SYMMETRIC_KEY = '{}'",
    "SELECT aes_decrypt(unhex(x), '{}')",
    "SELECT pgp_sym_decrypt(x, '{}')",
    "SET PASSWORD FOR 'u'@'%' = '{}'",
    "SELECT ENCRYPT(x, '{}')",
    "SELECT decryptbypassphrase(N'{}', x)",
    "map('user', 'joe', 'password', '{}')",
    "named_struct('password', '{}')",
    # an index, a list, a flag of Windows, an assignment of make
    "password[0]={}",
    '{{"passwords": ["{}"]}}',
    "net use x: /user:joe /password:{}",
    "DB_PASSWORD ?= {}",
    '<password kind="x"><![CDATA[{}]]></password>',
    # code
    'new MyClient().setPassword("{}")',
    "builder.withSecretKey('{}')",
    'DataSource(url).password("{}")',
    'new BasicAWSCredentials("a", "{}")',
    "dbutils.secrets.put('s', 'k', '{}')",
    "os.environ['DB_PASSWORD'] = '{}'",
    "os.environ.setdefault('DB_PASSWORD', '{}')",
    "session.headers.addHeader('X-Api-Key', '{}')",
    'PasswordAuthentication("bob", "{}".toCharArray())',
    "requests.get(url, auth=('bob', '{}'))",
    "{{'auth': ('bob', '{}')}}",
    "ConvertTo-SecureString '{}' -AsPlainText -Force",
    # literals that are compared with a secret, or get its name
    "select 1 from users where password <> '{}'",
    "select 1 from users where api_key != '{}'",
    "select 1 from users where api_key not in ('{}', 'b')",
    "select 1 from users where password between '{}' and 'z'",
    "password <=> '{}'",
    "select '{}' as password, 'u' as name",
    "select '{}' AS `client_secret`",
    'select a from t where options = "user=u,password={}"',
    "select a from t -- password={}",
    "update t set options = 'password={}'",
    # files of other programs
    "FROM x\nENV DB_PASSWORD {}\n",
    'variable "db_password" {{\n  default = "{}"\n}}',
    "<entry key='db.password'>{}</entry>",
    "<password encrypted='false' value='{}'/>",
    "basic.auth.user.info=u:{}",
    "schema.registry.basic.auth.user.info: key:{}",
    "Authorization=ApiKey {}",
    "Authorization=Bearer {}",
    "Authorization=Token {}",
    "JSESSIONID={}",
    "aes_key={}",
    "rsaKey={}",
    "hmac_key={}",
    "auth_key={}",
    "licenseKey={}",
    "ssl.keystore.key={}",
    # other languages
    "contraseña={}",
    "пароль={}",
    "密码={}",
    # letters that are not seen, are escaped, or only look like those of the name
    "pass\u200bword={}",
    "password\u200b={}",
    "pass\u00adword: {}",
    "pass\x00word={}",
    "\ufeffpassword={}",
    "\uff50\uff41\uff53\uff53\uff57\uff4f\uff52\uff44={}",
    "p\u0430ssword={}",
    "password\uff1d{}",
    "https://h/x?p%61ssword={}",
    "{{\\u0022p\\u0061ssword\\u0022: \\u0022{}\\u0022}}",
    "password\\u003d{}",
    "password&#61;{}",
    "{{&quot;password&quot;:&quot;{}&quot;}}",
]


@pytest.mark.parametrize("text", NAMED)
def test_a_secret_is_known_by_the_name_before_it(text: str) -> None:
    cleaned, kinds = clean_text(text.format(SECRET))
    assert SECRET not in cleaned
    assert kinds
    assert clean_text(cleaned) == (cleaned, ())


def test_a_code_of_digits_is_known_in_a_url_alone() -> None:
    assert clean_text("https://h/login?user=a&pin=1234")[0] == "https://h/login?user=a&pin=*****"
    assert clean_text("https://h/login?otp=123456&x=1")[0] == "https://h/login?otp=*****&x=1"


def test_basic_authorisation_is_known_by_what_it_decodes_to() -> None:
    assert clean_text("sent Basic " + b64("user:hunter2"))[0] == "sent Basic *****"
    assert clean_text("basic authentication is on")[1] == ()


HARMLESS = [
    # SQL that names columns: a statement without them has other lineage, or cannot be read
    "SELECT a.x FROM a JOIN b ON a.api_key = b.api_key",
    "SELECT x FROM a WHERE secret = other_secret",
    "UPDATE t SET api_key = s.new_key FROM s",
    "UPDATE users u SET password = md5(s.raw), token = (SELECT max(t) FROM s)",
    "MERGE INTO t USING s ON t.id = s.id WHEN MATCHED THEN UPDATE SET t.secret_key = s.secret_key, t.a = s.a",
    "WITH x AS (SELECT 1) SELECT CASE WHEN api_key = old_api_key THEN a ELSE b END FROM x",
    "a.token = b.token",
    "t.password = s.password AND t.access_key = s.access_key)",
    "pwd_len=9",
    "password=${DB_PASSWORD}",
    "api_key = {{ var('x') }}",
    "token = ?",
    "password = $1",
    "INSERT INTO t (password) VALUES (%s)",
    "select 'monthly' as token",
    "select 'x' as password_hint",
    "token not in ('monthly', 'daily')",
    "sort_key=a, hash_key=b, kms_key=c, consumer_key=d",
    "token_count=12",
    "password_changed_at = '2026-03-01'",
    "pass_rate=0.5",
    "private_key_path=/etc/key.pem",
    "s3://lake/orders/token=monthly/part-0.parquet",
    "token=monthly",
    "unexpected token",
    "ParseException: unexpected token 'x' at line 1",
    "Unexpected token: EOF",
    "org.apache.spark.sql.AnalysisException: Unexpected token: EOF",
    "s3://lake/Warehouse/Orders2026/CustomerMart01x",
    "file:///data/lake/mart/customer_orders_by_month_and_region",
    "sk-learn",
    "encrypt(email, 'AES')",
    "map('token', 'monthly', 'kind', 'x')",
    "pul-lets, r8_model, access-production-eu, sdk-android-12, pat-na1-table, 1//0.5, LTAItems, EAAB",
    f"s3://lake/{HEX}-us-east/x",
    "validate_password('strict')",
    "/password/reset, /token:/x",
    "task-force",
    "ALTER USER bob SET PASSWORD POLICY strict",
    "ALTER USER bob PASSWORD EXPIRE",
    "role admin password required",
    "password sha256",
    "Password required",
    "connect to database user admin using ssl",
    "connect orders/customers",
    "connect kafka/topics and join",
    "spark.sql.shuffle.partitions 200",
    "fs.s3a.path.style.access true",
    "order by t.password desc",
    "https://h/x?code=US&page=2",
    "https://h/x?country_code=DE0001102580BUND2030X",
    "code=SplxlOBeZQQYbYS6WxSbIA",
    "device_code = GmRhmhcxhwAzkoEqiMEg1234",
    "pin = 110001",
    "https://h/x?pin=110001",
    "spin=1234",
    "a7ffc6f8bf1ed76651c14756a061d662f580ff4d",  # a commit
    "glue-job-of-the-night",
    "https://h/x?key=orders",
    "sum(orders.primary_key) AS total",
    "max(token_count)",
    "concat(first_pass, ':', second)",
    "GROUP BY (token,customer_id)",
    "SELECT a.b.access_key FROM t",
    "coalesce(password,'x1')",
    "docker run -u 1000:1000 image",
    "password_resets=12",
    "secret_level=3",
    "mysql -h h -u root -p -e 'select 1'",
    "docker run -p 8080:80 image",
    "zip -r a.zip b",
    "100%25 & more &amp; \\u00e9 \u200b Übergröße Москва",
    "s3://lake/a%20b/c%3Dd",
]


@pytest.mark.parametrize(
    "plan",
    [
        {"extraInfo": {"conf": [["spark.db.password", SECRET], ["fs.s3a.secret.key", SECRET]]}},
        {"extraInfo": {"conf": [{"_1": "password", "_2": SECRET}]}},
    ],
)
def test_a_secret_is_known_by_a_name_that_is_a_value(plan: object) -> None:
    assert SECRET not in json.dumps(redact(plan)[0])


@pytest.mark.parametrize("columns", [["password", "name"], ["t.token", "t.day"], ["api_key", "secret"]])
def test_names_of_columns_are_kept(columns: list[str]) -> None:
    assert redact({"params": {"columns": columns}}) == ({"params": {"columns": columns}}, ())


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_looks_like_one_is_kept(text: str) -> None:
    assert clean_text(text) == (text, ())
    assert clean_error(text) == (text, ())


@pytest.mark.parametrize(
    "text",
    [
        "struct<id:bigint,password:string,token:binary>",
        "CREATE TABLE t (login string, password string)",
        "password: string, name: string",
        "password:varchar(20)",
        "create table u (\n password VARCHAR(20),\n name string)",
        " |-- password: string (nullable = true)",
    ],
)
def test_the_type_of_a_column_is_no_secret(text: str) -> None:
    assert clean_text(text) == (text, ())


@pytest.mark.parametrize(
    "name",
    [
        "token_count",
        "password_changed_at",
        "pass_rate",
        "private_key_path",
        "secretArn",
        "maxTokens",
        "key",
        "bypass",
        "compass",
        "passenger_id",
        "pass_words_count",
        "keyword",
        "crowd",
    ],
)
def test_a_name_about_a_secret_is_none(name: str) -> None:
    assert secret_name(name) is None


@pytest.mark.parametrize(
    "name",
    [
        *("jdbcPassWord", "pass_word", "passPhrase", "DBPWD", "ssh_key", "DB_PASS", "JWT", "MASTER_KEY"),
        "dbPassword",
        "AWSAccessKeyId",
        "fs.azure.account.key.x.net",
        "sfToken",
    ],
)
def test_the_name_of_a_secret_is_one(name: str) -> None:
    assert secret_name(name) is not None


_SHAPES = (*_WHOLES, *_PARTS)


@pytest.mark.parametrize("shape", _SHAPES, ids=[f"{number}-{shape.kind}" for number, shape in enumerate(_SHAPES)])
@settings(suppress_health_check=list(HealthCheck), max_examples=20, deadline=None)
@given(data=st.data())
def test_what_a_rule_would_change_is_never_passed_over_by_the_quick_look(shape: _Shape, data: st.DataObject) -> None:
    text = data.draw(st.from_regex(shape.pattern)).encode("ascii", "ignore").decode()
    found = dict[str, None]()
    if shape.clean(text, found) != text:
        assert shape.needed(_Look(text))
        assert text in clean_texts([text, "harmless"])


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from([*BARE.values(), "x", " ", "=", "password", "://a:b@c/", "'", "/", "-", "Sig"]), max_size=6
    )
)
def test_texts_are_cleaned_together_as_they_are_alone(parts: list[str]) -> None:
    text = "".join(parts)
    cleaned = clean_text(text)
    assert clean_texts([text, "harmless", "pass"]) == ({text: cleaned} if cleaned[1] else {})
