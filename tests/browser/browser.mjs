// The browser of the tests: Chromium as one npm package ships it, driven by puppeteer.
import chromium from "@sparticuz/chromium";
import puppeteer from "puppeteer-core";

// Of the package's own flags, for tiny machines, those that turn the browser's guards off are left
// out: what a page may do is what is tested.
const UNSAFE = ["--disable-web-security", "--disable-site-isolation-trials", "--allow-running-insecure-content"];

export async function launch() {
  const args = chromium.args.filter((flag) => !UNSAFE.includes(flag));
  return await puppeteer.launch({
    args: [...args, "--no-sandbox"],
    executablePath: await chromium.executablePath(),
    headless: "shell",
  });
}
