/** What the host offers to virtual machines: found out by trying, not by asking. */
package dev.torpor.launcher.doctor;
