"""One pattern a file: each receives Evidence and yields Findings, for guilt or for innocence."""
