/** What {@code torpor demo} shows, part by part. */
package dev.torpor.launcher.demo;
