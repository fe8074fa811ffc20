// SPDX-License-Identifier: GPL-2.0-or-later
#include <time.h>
#include "unit.h"
#include "feed_filter.h"
#include "feed_parse.h"

static const struct feed_shape text_shape = { .format = FEED_TEXT };

/* In a buffer of exactly that size, for the sanitizer. */
static int parse_n(const struct feed_shape *shape, const char *data, size_t n,
		   struct feed_items *items, char **copy, struct error *err)
{
	*copy = malloc(n ? n : 1);
	assert_non_null(*copy);
	memcpy(*copy, data, n);
	return feed_parse(shape, *copy, n, items, err);
}

/* The prefixes, in the feed's order, with " # label" where there is one and ", " between them. */
static void assert_feed(const struct feed_shape *shape, const char *data, const char *wanted)
{
	struct feed_items items _cleanup_feed_items_ = { 0 };
	_cleanup_free_ char *copy = NULL;
	char text[4096] = "", buf[PREFIX_TEXT_MAX];
	struct error err = { "" };
	size_t n = 0;

	if (parse_n(shape, data, strlen(data), &items, &copy, &err))
		fail_msg("%s", err.text);
	for (size_t i = 0; i < items.n; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s%s%.*s", n ? ", " : "",
				      prefix_text(&items.v[i].prefix, buf),
				      items.v[i].label_len ? " # " : "", (int)items.v[i].label_len,
				      items.v[i].label ? items.v[i].label : "");
	assert_string_equal(text, wanted);
}

static void assert_refused(const struct feed_shape *shape, const char *data, const char *why)
{
	struct feed_items items _cleanup_feed_items_ = { 0 };
	_cleanup_free_ char *copy = NULL;
	struct error err = { "" };

	assert_int_equal(parse_n(shape, data, strlen(data), &items, &copy, &err), -EINVAL);
	assert_string_equal(err.text, why);
}

static void text_is_one_prefix_a_line(void **state)
{
	(void)state;
	assert_feed(&text_shape, "", "");
	assert_feed(&text_shape, "192.0.2.0/24\n198.51.100.7\n", "192.0.2.0/24, 198.51.100.7/32");
	assert_feed(&text_shape, "192.0.2.0/24\r\n\r\n2001:db8::/32\r\n",
		    "192.0.2.0/24, 2001:db8::/32");
	assert_feed(&text_shape,
		    "\xef\xbb\xbf"
		    "192.0.2.0/24",
		    "192.0.2.0/24");
	assert_feed(&text_shape, "# head\n; head\n  192.0.2.0/24\t# Pune\n192.0.2.1 ; SBL1\n",
		    "192.0.2.0/24 # Pune, 192.0.2.1/32 # SBL1");
	/* free text that cannot be a label */
	assert_feed(&text_shape, "192.0.2.0/24 # a\tb\n192.0.2.1 # \xff\n",
		    "192.0.2.0/24, 192.0.2.1/32");
}

static void one_bad_line_fails_the_text(void **state)
{
	(void)state;
	assert_refused(&text_shape, "192.0.2.0/24\nexample.org\n",
		       "line 2: example.org: not an IPv4 or IPv6 prefix: write it like "
		       "203.0.113.0/24 or 2001:db8::/32");
	assert_refused(
		&text_shape, "192.0.2.7/24\n",
		"line 1: 192.0.2.7/24 has host bits set: write 192.0.2.0/24 or 192.0.2.7/32");
	assert_refused(&text_shape, "192.0.2.0/24 192.0.3.0/24\n",
		       "line 1: \"192.0.3.0/24\" after the prefix");
	assert_refused(&text_shape, "!192.0.2.0/24\n",
		       "line 1: !192.0.2.0/24: not an IPv4 or IPv6 prefix: write it like "
		       "203.0.113.0/24 or 2001:db8::/32");
	assert_refused(&text_shape, "192.0.2.0 - 192.0.2.9\n",
		       "line 1: \"- 192.0.2.9\" after the prefix");
	assert_refused(&text_shape, "\x1b[2J\n",
		       "line 1: ?[2J: not an IPv4 or IPv6 prefix: write it like 203.0.113.0/24 or "
		       "2001:db8::/32");
}

static void a_page_is_no_feed(void **state)
{
	static const char page[] = "\n <!DOCTYPE html>\n<html><body>192.0.2.1</body></html>\n";
	static const char *const why = "line 1: a web page (HTML or XML) came, no list";
	const struct feed_shape csv = { .format = FEED_CSV };
	const struct feed_shape json = { .format = FEED_JSON, .path = "a[]" };

	(void)state;
	assert_refused(&text_shape, page, why);
	assert_refused(&csv, page, why);
	assert_refused(&json, page, why);
}

static void zero_bytes_are_no_text(void **state)
{
	struct feed_items items _cleanup_feed_items_ = { 0 };
	_cleanup_free_ char *copy = NULL;
	struct error err = { "" };

	(void)state;
	assert_int_equal(parse_n(&text_shape, "1\0.\0", 4, &items, &copy, &err), -EINVAL);
	assert_string_equal(err.text, "it holds a zero byte: compressed, or not UTF-8 text");
}

/* As RFC 8805 has geofeeds. */
static const char geofeed[] = "# from the operator\r\n"
			      "192.0.2.0/24,IN,IN-MH,Mumbai,\r\n"
			      "198.51.100.0/24,SG,SG-01,Singapore,\r\n"
			      "2001:db8::/32,IN,IN-KA,\"Bengaluru, South\",\r\n";

static void csv_by_number(void **state)
{
	const struct feed_shape plain = { .format = FEED_CSV };
	const struct feed_shape second = { .format = FEED_CSV, .column = "2" };
	const struct feed_shape indian = { .format = FEED_CSV, .filter = "2=IN" };
	const struct feed_shape city = { .format = FEED_CSV, .filter = "2=IN, 4!=Mum*" };

	(void)state;
	assert_feed(&plain, geofeed, "192.0.2.0/24, 198.51.100.0/24, 2001:db8::/32");
	assert_feed(&indian, geofeed, "192.0.2.0/24, 2001:db8::/32");
	assert_feed(&city, geofeed, "2001:db8::/32");
	assert_feed(&second, "region;prefix\nmumbai;192.0.2.0/24\n\ndelhi; \"192.0.3.0/24\"\n",
		    "192.0.2.0/24, 192.0.3.0/24");
	assert_feed(&second, "mumbai\t192.0.2.0/24\n", "192.0.2.0/24");
}

static void csv_by_name(void **state)
{
	const struct feed_shape named = { .format = FEED_CSV, .column = "IP Prefix" };
	const struct feed_shape filtered = { .format = FEED_CSV,
					     .column = "IP Prefix",
					     .filter = "use \"x\"=media|sip" };
	static const char feed[] = "\"use \"\"x\"\"\",IP Prefix,note\n"
				   "media,192.0.2.0/24,\"two\nlines, \"\"quoted\"\"\"\n"
				   "api,192.0.3.0/24,\n"
				   "sip,\"192.0.4.0/24\",\n";

	(void)state;
	assert_feed(&named, feed, "192.0.2.0/24, 192.0.3.0/24, 192.0.4.0/24");
	assert_feed(&filtered, feed, "192.0.2.0/24, 192.0.4.0/24");
}

static void bad_csv_is_refused_with_its_line(void **state)
{
	const struct feed_shape plain = { .format = FEED_CSV };
	const struct feed_shape third = { .format = FEED_CSV, .column = "3" };
	const struct feed_shape named = { .format = FEED_CSV, .column = "prefix" };
	const struct feed_shape filter = { .format = FEED_CSV, .filter = "region=x" };

	(void)state;
	assert_refused(&plain, "a,b\n192.0.2.0/24,x\nfoo,y\n",
		       "line 3: foo: not an IPv4 or IPv6 prefix: write it like 203.0.113.0/24 or "
		       "2001:db8::/32");
	assert_refused(&third, "192.0.2.0/24,x\n", "line 1: it has 2 columns, and no column 3");
	assert_refused(&named, "192.0.2.0/24,x\n", "line 1: no column is called \"prefix\"");
	assert_refused(&filter, "a,b\n", "line 1: no column is called \"region\"");
	assert_refused(&plain, "192.0.2.0/24,\"cut\noff",
		       "line 1: a quoted value has no end: cut off?");
	assert_refused(&plain, "\"192.0.2.0/24\"x,\n", "line 1: text after a quoted value");
}

/* The shapes of what providers publish; the addresses are examples. */
static const char aws[] =
	"{\n  \"syncToken\": \"1763700000\",\n  \"createDate\": \"2026-11-21-04-40-00\",\n"
	"  \"prefixes\": [\n"
	"    {\n      \"ip_prefix\": \"192.0.2.0/24\",\n      \"region\": \"ap-south-1\",\n"
	"      \"service\": \"AMAZON\",\n      \"network_border_group\": \"ap-south-1\"\n    },\n"
	"    {\n      \"ip_prefix\": \"192.0.2.0/24\",\n      \"region\": \"ap-south-1\",\n"
	"      \"service\": \"EC2\",\n      \"network_border_group\": \"ap-south-1\"\n    },\n"
	"    {\n      \"ip_prefix\": \"198.51.100.0/25\",\n      \"region\": \"eu-west-1\",\n"
	"      \"service\": \"EC2\",\n      \"network_border_group\": \"eu-west-1\"\n    }\n  ],\n"
	"  \"ipv6_prefixes\": [\n"
	"    {\n      \"ipv6_prefix\": \"2001:db8:a::/48\",\n      \"region\": \"ap-south-1\",\n"
	"      \"service\": \"EC2\",\n      \"network_border_group\": \"ap-south-1\"\n    }\n  "
	"]\n}\n";

static const char github[] =
	"{\"verifiable_password_authentication\":false,"
	"\"ssh_key_fingerprints\":{\"SHA256_ED25519\":\"+Di/\"},"
	"\"hooks\":[\"192.0.0.0/22\",\"198.51.100.0/24\",\"2001:db8:40::/44\"],"
	"\"web\":[\"203.0.113.0/24\"],\"domains\":{\"website\":[\"*.example.com\"]}}";

static const char stripe[] =
	"{\n  \"WEBHOOKS\": [\n    \"192.0.2.23\",\n    \"192.0.2.98\"\n  ]\n}";

static const char cloudflare[] =
	"{\"result\":{\"ipv4_cidrs\":[\"192.0.2.0/24\"],\"ipv6_cidrs\":[\"2001:db8:cb00::/40\"],"
	"\"etag\":\"38f\"},\"success\":true,\"errors\":[],\"messages\":[]}\n";

/* Google: either key; Azure: the filter's key far above the prefix; Atlassian: an array of values;
 * Okta: regions as keys. */
static const char google[] = "{\"prefixes\":[{\"ipv4Prefix\":\"192.0.2.0/24\"},"
			     "{\"ipv6Prefix\":\"2001:db8::/32\"}]}";
static const char azure[] =
	"{\"values\":[{\"name\":\"Sql\",\"properties\":{\"addressPrefixes\":[\"192.0.2.0/24\"]}},"
	"{\"name\":\"Event Hub.in\",\"properties\":{\"addressPrefixes\":[\"192.0.3.0/24\"]}}]}";
static const char atlassian[] =
	"{\"items\":[{\"cidr\":\"192.0.2.0/24\",\"product\":[\"jira\",\"trello\"],\"mask\":24},"
	"{\"cidr\":\"192.0.3.0/24\",\"product\":[\"bitbucket\"],\"mask\":24}]}";
static const char okta[] = "{\"us_cell_1\":{\"ip_ranges\":[\"192.0.2.0/24\"]},"
			   "\"eu_cell_1\":{\"ip_ranges\":[\"192.0.3.0/24\"]}}";

static struct feed_shape json_shape(const char *path, const char *filter)
{
	return (struct feed_shape){ .format = FEED_JSON, .path = path, .filter = filter };
}

static void assert_json(const char *data, const char *path, const char *filter, const char *wanted)
{
	const struct feed_shape shape = json_shape(path, filter);

	assert_feed(&shape, data, wanted);
}

static void json_of_providers(void **state)
{
	static const char both[] = "prefixes[].ip_prefix, ipv6_prefixes[].ipv6_prefix";

	(void)state;
	assert_json(aws, both, NULL,
		    "192.0.2.0/24, 192.0.2.0/24, 198.51.100.0/25, 2001:db8:a::/48");
	assert_json(aws, both, "service=EC2, region=ap-south-1", "192.0.2.0/24, 2001:db8:a::/48");
	assert_json(aws, both, "service=EC2, region=us-*|eu-*", "198.51.100.0/25");
	assert_json(aws, both, "service=EC2,region!=ap-south-1", "198.51.100.0/25");
	assert_json(aws, both, "service=S3", "");
	assert_json(github, "hooks[]", "", "192.0.0.0/22, 198.51.100.0/24, 2001:db8:40::/44");
	assert_json(stripe, "WEBHOOKS[]", NULL, "192.0.2.23/32, 192.0.2.98/32");
	assert_json(cloudflare, "result.ipv4_cidrs[],result.ipv6_cidrs[]", NULL,
		    "192.0.2.0/24, 2001:db8:cb00::/40");
	assert_json(google, "prefixes[].ipv4Prefix, prefixes[].ipv6Prefix", NULL,
		    "192.0.2.0/24, 2001:db8::/32");
	assert_json(azure, "values[].properties.addressPrefixes[]", "name=Event Hub.in",
		    "192.0.3.0/24");
	assert_json(atlassian, "items[].cidr", "product=jira|jsm", "192.0.2.0/24");
	assert_json(atlassian, "items[].cidr", "product!=jira", "192.0.3.0/24");
	assert_json(okta, "*.ip_ranges[]", NULL, "192.0.2.0/24, 192.0.3.0/24");
	assert_json("[\"192.0.2.1\"]\n\n", "[]", NULL, "192.0.2.1/32");
	assert_json("[[{\"a\":\"192.0.2.1\"}],[]]", "[][].a", NULL, "192.0.2.1/32");
	assert_json("{\"a\":[\"192.0.2.1\"],\"b\":[]}", "a[],b[]", NULL, "192.0.2.1/32");
}

static void assert_bad_json(const char *data, const char *path, const char *filter, const char *why)
{
	const struct feed_shape shape = json_shape(path, filter);

	assert_refused(&shape, data, why);
}

static void bad_json_is_refused_with_its_place(void **state)
{
	(void)state;
	assert_bad_json("", "a[]", NULL, "line 1: the JSON ends too soon: cut off?");
	assert_bad_json("{\"a\":\n[\"192.0.2.1\",\n", "a[]", NULL,
			"line 3: the JSON ends too soon: cut off?");
	assert_bad_json("{\"a\":[]} x", "a[]", NULL, "line 1: no JSON (unexpected character)");
	assert_bad_json("{\"a\":['192.0.2.1']}", "a[]", NULL,
			"line 1: no JSON (unexpected character)");
	assert_bad_json("\n\nnull ", "a[]", NULL, "line 3: no JSON (null)");
	assert_bad_json(github, "hook[]", NULL, "nothing is there at the path \"hook[]\"");
	assert_bad_json(github, "ho\b[]", NULL, "nothing is there at the path \"ho?[]\"");
	assert_bad_json(github, "hooks.\b", NULL,
			"hooks: array where the path \"hooks.?\" wants an object");
	assert_bad_json(github, "hooks", NULL,
			"hooks: array where the path \"hooks\" wants a text that is a prefix");
	assert_bad_json(github, "domains[]", NULL,
			"domains: object where the path \"domains[]\" wants an array");
	assert_bad_json(github, "hooks.x", NULL,
			"hooks: array where the path \"hooks.x\" wants an object");
	assert_bad_json("[null]", "[]", NULL,
			"[0]: null where the path \"[]\" wants a text that is a prefix");
	assert_bad_json(aws, "prefixes[].region", NULL,
			"prefixes[0].region: ap-south-1: not an IPv4 or IPv6 prefix: write it like "
			"203.0.113.0/24 or 2001:db8::/32");
	assert_bad_json(aws, "prefixes[].ip_prefix", "regoin=x",
			"nothing in it has the filter's key \"regoin\"");
	assert_bad_json("{\"\xc3\xa9\":[1]}", "*[]", NULL,
			"??[0]: int where the path \"*[]\" wants a text that is a prefix");
}

static void deep_nesting_ends_early(void **state)
{
	enum { DEEP = 1000000 };
	const struct feed_shape shape = json_shape("[]", NULL);
	_cleanup_free_ char *deep = malloc(DEEP + 1);

	(void)state;
	assert_non_null(deep);
	memset(deep, '[', DEEP);
	deep[DEEP] = '\0';
	assert_refused(&shape, deep, "line 1: no JSON (nesting too deep)");
	for (size_t i = 0; i + 5 <= DEEP; i += 5)
		memcpy(deep + i, "{\"a\":", 5);
	assert_refused(&shape, deep, "line 1: no JSON (nesting too deep)");
}

static void assert_bad_shape(enum feed_format format, const char *column, const char *path,
			     const char *filter, const char *why)
{
	const struct feed_shape shape = { format, column, path, filter };
	struct error err = { "" };

	assert_int_equal(feed_shape_check(&shape, &err), -EINVAL);
	assert_memory_equal(err.text, why, strlen(why));
}

static void shapes_are_checked(void **state)
{
	const struct feed_shape good = { FEED_JSON, NULL, "a[]", "b=c" };
	struct error err;

	(void)state;
	assert_int_equal(feed_shape_check(&good, &err), 0);
	assert_int_equal(feed_shape_check(&text_shape, &err), 0);
	assert_bad_shape(FEED_TEXT, "1", "", "", "\"column\" is for \"format: csv\" only");
	assert_bad_shape(FEED_CSV, "", "a", "", "\"path\" is for \"format: json\" only");
	assert_bad_shape(FEED_TEXT, "", "", "a=b", "\"filter\" is for ");
	assert_bad_shape(FEED_CSV, "0", "", "", "\"column\" 0 is not between 1 and 256");
	assert_bad_shape(FEED_CSV, "99999999999999999999", "", "", "\"column\" 9999");
	assert_bad_shape(FEED_CSV, "1", "", "a", "\"filter\" holds \"a\", which is no condition");
	assert_bad_shape(FEED_CSV, "1", "", "a=", "\"filter\" holds \"a=\"");
	assert_bad_shape(FEED_CSV, "1", "", "!=a", "\"filter\" holds \"!=a\"");
	assert_bad_shape(FEED_CSV, "1", "", "a=b,,c=d", "\"filter\" holds \"\"");
	assert_bad_shape(FEED_CSV, "1", "", "a=b,a=b,a=b,a=b,a=b,a=b,a=b,a=b,a=b",
			 "\"filter\" has more than 8");
	assert_bad_shape(FEED_JSON, "", "", "", "\"path\" is missing");
	assert_bad_shape(FEED_JSON, "", "a[", "", "\"path\" holds \"a[\"");
	assert_bad_shape(FEED_JSON, "", "a..b", "", "\"path\" holds \"a..b\"");
	assert_bad_shape(FEED_JSON, "", "a.", "", "\"path\" holds \"a.\"");
	assert_bad_shape(FEED_JSON, "", ".a", "", "\"path\" holds \".a\"");
	assert_bad_shape(FEED_JSON, "", "a[]b", "", "\"path\" holds \"a[]b\"");
	assert_bad_shape(FEED_JSON, "", "a.[]", "", "\"path\" holds \"a.[]\"");
	assert_bad_shape(FEED_JSON, "", "a[0]", "", "\"path\" holds \"a[0]\"");
	assert_bad_shape(FEED_JSON, "", "a[],,b", "", "\"path\" holds \"\"");
}

/* Whatever comes, it ends and stays within its buffer (the sanitizer says so). */
static void mangled_feeds_are_survived(void **state)
{
	static const char *const feeds[] = { aws, github, stripe, cloudflare, geofeed };
	const struct feed_shape shapes[] = { json_shape("*[].*, *[], *.*[]", "region=a*"),
					     json_shape("[]", NULL),
					     { .format = FEED_CSV, .column = "2", .filter = "3=x" },
					     text_shape };
	uint64_t seed = 6;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		const char *feed = feeds[unit_random(&seed) % ARRAY_SIZE(feeds)];
		size_t n = unit_random(&seed) % strlen(feed);
		struct feed_items items _cleanup_feed_items_ = { 0 };
		_cleanup_free_ char *copy = malloc(n + 1);
		struct error err;

		assert_non_null(copy);
		memcpy(copy, feed, n);
		for (size_t i = unit_random(&seed) % 4; n && i; i--)
			copy[unit_random(&seed) % n] = (char)unit_random(&seed);
		feed_parse(&shapes[unit_random(&seed) % ARRAY_SIZE(shapes)], copy, n, &items, &err);
	}
}

enum { MANY = FEED_MAX_ENTRIES, SECONDS = 60 /* it takes one, without sanitizers */ };

static char *many(const char *before, const char *format, const char *after, size_t n, size_t *size)
{
	char *text = malloc(64 + n * 32);

	assert_non_null(text);
	*size = (size_t)sprintf(text, "%s", before);
	for (unsigned int i = 0; i < n; i++)
		*size += (size_t)sprintf(text + *size, format, 1 + i / 65536, i / 256 % 256,
					 i % 256);
	*size += (size_t)sprintf(text + *size, "%s", after);
	return text;
}

static void a_million_entries(void **state)
{
	const struct feed_shape json = json_shape("a[]", NULL);
	const struct feed_shape csv = { .format = FEED_CSV };
	const struct {
		const struct feed_shape *shape;
		const char *before, *format, *after;
	} feeds[] = {
		{ &text_shape, "", "%u.%u.%u.0/24\n", "" },
		{ &csv, "", "%u.%u.%u.0/24,x\n", "" },
		{ &json, "{\"a\": [\"192.0.2.1\"", ",\"%u.%u.%u.0/24\"", "]}" },
	};
	time_t start = time(NULL);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(feeds); i++) {
		struct feed_items items _cleanup_feed_items_ = { 0 };
		_cleanup_free_ char *text = NULL;
		size_t first = feeds[i].shape == &json, n;
		struct error err = { "" };

		text = many(feeds[i].before, feeds[i].format, feeds[i].after, MANY - first, &n);
		assert_int_equal(feed_parse(feeds[i].shape, text, n, &items, &err), 0);
		assert_int_equal(items.n, MANY);
		feed_items_sort(&items);
		assert_int_equal(items.n, MANY);
	}
	assert_true(time(NULL) - start < SECONDS);
}

static void one_more_is_too_many(void **state)
{
	struct feed_items items _cleanup_feed_items_ = { 0 };
	_cleanup_free_ char *text = NULL;
	struct error err = { "" };
	size_t n;

	(void)state;
	text = many("", "%u.%u.%u.0/24\n", "", MANY + 1, &n);
	assert_int_equal(feed_parse(&text_shape, text, n, &items, &err), -EINVAL);
	assert_string_equal(err.text, "line 1000001: more than 1000000 entries");
}

static void the_same_prefix_stays_once(void **state)
{
	static const char feed[] = "192.0.2.2 # late\n192.0.2.1 # first\n192.0.2.1/32 # second\n";
	struct feed_items items _cleanup_feed_items_ = { 0 };
	struct error err;

	(void)state;
	assert_int_equal(feed_parse(&text_shape, feed, strlen(feed), &items, &err), 0);
	feed_items_sort(&items);
	assert_int_equal(items.n, 2);
	assert_memory_equal(items.v[0].label, "first", items.v[0].label_len);
	assert_memory_equal(items.v[1].label, "late", items.v[1].label_len);
}

static void formats_have_names(void **state)
{
	enum feed_format format;

	(void)state;
	for (int i = FEED_TEXT; i <= FEED_JSON; i++) {
		assert_int_equal(feed_format_parse(feed_format_name(i), &format), 0);
		assert_int_equal(format, i);
	}
	assert_int_equal(feed_format_parse("xml", &format), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_one_prefix_a_line),
		cmocka_unit_test(one_bad_line_fails_the_text),
		cmocka_unit_test(a_page_is_no_feed),
		cmocka_unit_test(zero_bytes_are_no_text),
		cmocka_unit_test(csv_by_number),
		cmocka_unit_test(csv_by_name),
		cmocka_unit_test(bad_csv_is_refused_with_its_line),
		cmocka_unit_test(json_of_providers),
		cmocka_unit_test(bad_json_is_refused_with_its_place),
		cmocka_unit_test(deep_nesting_ends_early),
		cmocka_unit_test(shapes_are_checked),
		cmocka_unit_test(mangled_feeds_are_survived),
		cmocka_unit_test(a_million_entries),
		cmocka_unit_test(one_more_is_too_many),
		cmocka_unit_test(the_same_prefix_stays_once),
		cmocka_unit_test(formats_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
