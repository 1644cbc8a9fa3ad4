# SPDX-License-Identifier: GPL-3.0-or-later
"""What the system tests are made of: the daemon, scripted servers, clients, real servers."""
