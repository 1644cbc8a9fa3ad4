/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

enum on_failure { ON_FAILURE_SERVFAIL, ON_FAILURE_DROP };
enum on_overload { ON_OVERLOAD_DROP, ON_OVERLOAD_SERVFAIL, ON_OVERLOAD_REFUSED };
