#!/usr/bin/env bash
# Runs the command that the action's inputs name. They come as variables, and a shell never reads them as code.
#
# INPUT_COMMAND  the command, such as check
# INPUT_ARGS     its arguments, one a line, so that one may have blanks in it and none needs quotes
# INPUT_TENANT   the tenant; empty for what the project and the environment say
set -euo pipefail

arguments=()
# As a person would type it: a protected tenant wants its name on the command line.
if [ -n "${INPUT_TENANT:-}" ]; then arguments+=("--tenant=$INPUT_TENANT"); fi
while IFS= read -r argument || [ -n "$argument" ]; do
  argument=${argument%$'\r'}
  # What is indented, and the empty line at the end, come from how YAML is written.
  argument=${argument#"${argument%%[![:space:]]*}"}
  argument=${argument%"${argument##*[![:space:]]}"}
  if [ -n "$argument" ]; then arguments+=("$argument"); fi
done <<< "${INPUT_ARGS:-}"

# macOS's bash takes an empty list for a variable that is not set.
exec tenantry "$INPUT_COMMAND" ${arguments[@]+"${arguments[@]}"}
