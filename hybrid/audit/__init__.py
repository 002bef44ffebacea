"""Are the questions good enough to tune and to judge with? Asked before anything is trained."""
