#!/usr/bin/env bash
# Installs what the tests need from Debian: Chromium, which opens the reports, and Prometheus, which scrapes the server. Does
# nothing where they are there already, and nothing on a system without apt or without the right to install: the tests that
# need them then say why they are skipped.
set -euo pipefail
missing=()
command -v chromium >/dev/null || missing+=(chromium fonts-dejavu-core)
command -v promtool >/dev/null || missing+=(prometheus)
[ ${#missing[@]} = 0 ] && exit 0
if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
  echo "Installing from Debian for the tests: ${missing[*]}"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
else
  echo "Not installed: ${missing[*]}. The tests that need them will be skipped. Install them to run these."
fi
