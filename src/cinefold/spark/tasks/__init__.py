"""What executors do: functions of Arrow data, over whole blocks of rows at a time."""
