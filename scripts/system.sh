#!/usr/bin/env bash
# Installs what the tests need from Debian: Chromium, which opens the reports. Does nothing where it is there already,
# and nothing on a system without apt or without the right to install: the browser tests then say why they are skipped.
set -euo pipefail
command -v chromium >/dev/null && exit 0
if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
  echo "Installing from Debian for the browser tests: chromium"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null
else
  echo "Chromium is not installed: the browser tests will be skipped. Install it to run them."
fi
