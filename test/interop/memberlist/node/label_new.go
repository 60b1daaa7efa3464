//go:build !old

package main

import "github.com/hashicorp/memberlist"

func setLabel(c *memberlist.Config, label string) { c.Label = label }
