/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* If, Loop and Scan in a stepwise run: what runs which block how often, with which values. */
#ifndef ROOST_RUNTIME_CONTROL_H
#define ROOST_RUNTIME_CONTROL_H

#include "runtime/stepper.h"

/* Executes a control instruction, whose operands are defined; its results are then defined. Every
 * iteration passes the guard. The caller counts the operands as read.
 * errors: as stepper_run */
enum status stepper_control(struct stepper *s, const struct program_instr *in,
                            struct err *err) WARN_UNUSED;

#endif
