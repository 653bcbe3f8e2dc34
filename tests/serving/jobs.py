"""What the processes of the tests do; quick to import."""

import os
import time


def double(values, record):
    print("not for the pipe")
    for count in range(1, 4):
        record({"done": count})
    return {name: 2 * value for name, value in values.items()}


def count_until_stopped(record):
    count = 1
    while not record(count):
        count += 1
        time.sleep(0.001)
    return count


def sleep(record):
    record("asleep")
    time.sleep(600)


def fail(error, record):
    raise error


def end_with(code, record):
    os._exit(code)


def first_record(job):
    while not job.records:
        assert job.running
        job.wait(0.001)
