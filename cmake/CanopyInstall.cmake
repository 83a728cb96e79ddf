# Written with the install commit.
