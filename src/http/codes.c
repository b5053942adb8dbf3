/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The words of an error go to the client as they come: the endpoint has already kept back what is
 * the operator's alone. */
#include "http/codes.h"

static const struct http_code codes[STATUS_COUNT] = {
    [OK] = {200, 0},
    [E_BAD_INPUT] = {400, 0},
    [E_NOT_FOUND] = {404, 0},
    [E_EXISTS] = {409, 0},
    [E_FLOOR] = {409, 0},
    [E_METHOD] = {405, 0},
    [E_NOT_ACCEPTABLE] = {406, 0},
    [E_MEDIA_TYPE] = {415, 0},
    [E_TOO_LARGE] = {413, 0},
    [E_STEPS] = {504, 0},
    [E_HEAD_TOO_LARGE] = {431, 0},
    [E_USAGE] = {500, 0},
    [E_QUEUE_FULL] = {503, 1},
    [E_RATE] = {429, 1},
    [E_NO_ROOM] = {503, 1},
    [E_THRASH] = {503, 1},
    [E_NO_MEMORY] = {503, 1},
    [E_STORE] = {503, 5},
    [E_CHANGED] = {503, 1},
    [E_DRAINING] = {503, 1},
    [E_CANCELLED] = {503, 1},
    [E_UNREACHABLE] = {503, 5},
    [E_TIMEOUT] = {504, 0},
    [E_NEVER_FITS] = {507, 0},
    [E_CORRUPT] = {500, 0},
    [E_UNSUPPORTED] = {500, 0},
    [E_IO] = {500, 0},
    [E_INTERNAL] = {500, 0},
};

static const struct {
    int code;
    const char *reason;
} reasons[] = {
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {400, "Bad Request"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {413, "Content Too Large"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"},
};

struct http_code http_code_of(enum status s)
{
    ASSERT((unsigned)s < STATUS_COUNT);
    return codes[s];
}

const char *http_reason(int code)
{
    for (size_t i = 0; i < ARRAY_COUNT(reasons); i++)
        if (reasons[i].code == code)
            return reasons[i].reason;
    return "Unknown";
}
