#!/bin/bash
# Removes task logs that were last written more than DAYS days ago, and folders that this leaves empty.
# The last line of the output is JSON: how many files went, and how many bytes.
#
#   clean_logs.sh FOLDER DAYS
set -euo pipefail

folder=${1:?usage: clean_logs.sh FOLDER DAYS} days=${2:?usage: clean_logs.sh FOLDER DAYS}
[[ $days =~ ^[1-9][0-9]*$ ]] || { echo "DAYS is '$days', not a whole number above 0" >&2; exit 2; }
[[ -d $folder && $(realpath "$folder") != / ]] || { echo "'$folder' is no folder of logs" >&2; exit 2; }

files=0 bytes=0
while read -r -d '' size && IFS= read -r -d '' file; do
  rm -f -- "$file"
  files=$((files + 1)) bytes=$((bytes + size))
done < <(find "$folder" -xdev -type f -name '*.log' -mtime "+$((days - 1))" -printf '%s\0%p\0')

# A folder that was just made is about to get its first file.
find "$folder" -xdev -mindepth 1 -depth -type d -empty -mmin +60 -delete
printf '{"files": %d, "bytes": %d}\n' "$files" "$bytes"
