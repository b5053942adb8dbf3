/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* `roost cache advise`: what more or less memory, or another policy, would bring to a server. */
#include <cjson/cJSON.h>
#include <string.h>

#include "cli/client.h"
#include "cli/units.h"
#include "cli/verbs.h"

enum { ASK_MS = 30000 };

static const struct arg_option options[] = {
    {"json", 0, NULL, "Print JSON."}, CLIENT_SERVER_OPTION, {NULL, 0, NULL, NULL}};

/* A size that gains fewer hits is not advised. */
static const double LEAST_GAIN = 0.005;

static double number_of(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsNumber(item) ? item->valuedouble : 0;
}

static const char *text_of(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsString(item) ? item->valuestring : "";
}

/* The curve's point for the memory that there is; NULL: there is none. */
static const cJSON *now_of(const cJSON *root)
{
    const cJSON *point;
    cJSON_ArrayForEach(point, cJSON_GetObjectItemCaseSensitive(root, "curve"))
    {
        if (number_of(point, "of") == 1)
            return point;
    }
    return NULL;
}

static double gain(const cJSON *now, const cJSON *point)
{
    return number_of(point, "hit_rate") - number_of(now, "hit_rate");
}

/* Of the sizes beyond what there is, the one that gains most per byte, if any gains enough. */
static const cJSON *best_of(const cJSON *root, const cJSON *now)
{
    const cJSON *best = NULL, *point;
    double most = 0;
    cJSON_ArrayForEach(point, cJSON_GetObjectItemCaseSensitive(root, "curve"))
    {
        double more = number_of(point, "memory_bytes") - number_of(now, "memory_bytes");
        if (more <= 0 || gain(now, point) < LEAST_GAIN || gain(now, point) / more <= most)
            continue;
        most = gain(now, point) / more;
        best = point;
    }
    return best;
}

static enum status add_advice(const cJSON *root, const cJSON *now, struct buf *out)
{
    const cJSON *best = best_of(root, now);
    char more[UNITS_TEXT_MAX];
    if (!best)
        return buf_printf(out, "More memory would hardly raise the hit rate from %.1f %%.\n",
                          100 * number_of(now, "hit_rate"));
    double bytes = number_of(best, "memory_bytes") - number_of(now, "memory_bytes");
    return buf_printf(
        out,
        "+%s would raise the hit rate from %.1f %% to %.1f %%, and save %.0f %% of load time.\n",
        units_size_human((uint64_t)bytes, more), 100 * number_of(now, "hit_rate"),
        100 * number_of(best, "hit_rate"),
        100 * (1 - number_of(best, "miss_cost_ms") / number_of(now, "miss_cost_ms")));
}

static enum status add_curve(const cJSON *root, const cJSON *now, struct buf *out)
{
    const cJSON *point;
    char size[UNITS_TEXT_MAX];
    enum status s = buf_printf(out, "\n%12s %8s %9s %9s  %s\n", "MEMORY", "OF NOW", "HIT RATE",
                               "CHANGE", "LOAD TIME, ms a request");
    cJSON_ArrayForEach(point, cJSON_GetObjectItemCaseSensitive(root, "curve"))
    {
        if (s == OK)
            s = buf_printf(out, "%12s %8g %7.1f %% %+9.1f  %.3f\n",
                           units_size_human((uint64_t)number_of(point, "memory_bytes"), size),
                           number_of(point, "of"), 100 * number_of(point, "hit_rate"),
                           100 * gain(now, point), number_of(point, "miss_cost_ms"));
    }
    return s;
}

static enum status add_policies(const cJSON *root, struct buf *out)
{
    const cJSON *all = cJSON_GetObjectItemCaseSensitive(root, "policies"), *p, *best = NULL;
    enum status s = OK;
    cJSON_ArrayForEach(p, all)
    {
        if (!best || number_of(p, "miss_cost_ms") < number_of(best, "miss_cost_ms"))
            best = p;
    }
    if (!best)
        return OK;
    s = buf_printf(
        out,
        "\nLoads of the last hour, its first quarter left out, by policy (this server runs %s):",
        text_of(root, "policy"));
    cJSON_ArrayForEach(p, all)
    {
        if (s == OK)
            s = buf_printf(out, "%s %s %.0f ms%s", p->prev && p != all->child ? "," : "",
                           text_of(p, "policy"), number_of(p, "miss_cost_ms"),
                           p == best ? " (cheapest)" : "");
    }
    return s == OK ? buf_char(out, '\n') : s;
}

static enum status add_regret(const cJSON *root, struct buf *out)
{
    const cJSON *r = cJSON_GetObjectItemCaseSensitive(root, "regret");
    char span[UNITS_TEXT_MAX];
    if (!cJSON_IsObject(r))
        return buf_str(out, "\nThe last hour was not looked at yet.\n");
    return buf_printf(out,
                      "\nOver the last %s, %.0f requests: loads took %.0f ms, and at least %.0f ms "
                      "with perfect foresight (regret %.2f).\n",
                      units_duration_human((uint64_t)(number_of(r, "span_s") * 1e6), span),
                      number_of(r, "invocations"), number_of(r, "miss_cost_ms"),
                      number_of(r, "bound_cost_ms"), number_of(r, "ratio"));
}

static enum status add_text(const cJSON *root, struct buf *out, struct err *err)
{
    const cJSON *now = now_of(root);
    if (!now)
        return err_set(err, E_CORRUPT, "the server's advice is not what was expected");
    if (number_of(root, "invocations") < 1)
        return buf_str(out, "There was no traffic yet.\n");
    enum status s = add_advice(root, now, out);
    if (s == OK)
        s = add_curve(root, now, out);
    if (s == OK)
        s = add_policies(root, out);
    return s == OK ? add_regret(root, out) : s;
}

static enum status advise(const struct client_reply *reply, struct buf *out, struct err *err)
{
    cJSON *root = reply->body.len
                      ? cJSON_ParseWithLength((const char *)reply->body.data, reply->body.len)
                      : NULL;
    enum status s = root ? OK : err_set(err, E_CORRUPT, "the server's advice is not JSON");
    if (s == OK)
        s = add_text(root, out, err);
    cJSON_Delete(root);
    return s;
}

static int cache_run(const struct args *a)
{
    struct client_reply reply;
    struct buf out = {0};
    struct err err = {E_NO_MEMORY, "out of memory"};
    const struct client_request r = {
        .server = client_server(a), .method = "GET", .path = "/cache", .timeout_ms = ASK_MS};
    if (strcmp(a->operands[0], "advise") != 0) {
        err_set(&err, E_USAGE, "'%.40s': expected advise", a->operands[0]);
        return cli_fail(&err);
    }
    enum status s = client_call(&r, &reply, &err);
    if (s == OK)
        s = client_check(&reply, &err);
    if (s == OK && args_on(a, "json"))
        buf_move(&out, &reply.body);
    else if (s == OK)
        s = advise(&reply, &out, &err);
    if (s == OK && args_on(a, "json"))
        s = buf_char(&out, '\n');
    client_reply_fini(&reply);
    if (s == OK)
        return cli_print(s, &out);
    buf_fini(&out);
    return cli_fail(&err);
}

const struct verb verb_cache = {
    .name = "cache",
    .operands = "advise",
    .summary = "Tell what more memory or another policy would bring to a server.",
    .details =
        "From the server's own traffic: the hit rate at other sizes of its memory, what each "
        "policy would have\ncost in the last hour, and how far it was from what could have "
        "been known only afterwards.\ndocs/replay.md explains the figures.",
    .options = options,
    .operands_min = 1,
    .operands_max = 1,
    .run = cache_run,
};
